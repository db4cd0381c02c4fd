"""`tieline init`: data directory, key, identity and a first token."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import Annotated

import typer

from tieline.bootstrap import Adapters, open_adapters, open_workspace
from tieline.cli.absent_host import AbsentHost
from tieline.cli.command import command, new_command
from tieline.cli.inputs import read_bytes
from tieline.cli.printing import note, print_fields, say
from tieline.cli.session import Session
from tieline.errors import InvalidFieldError, KeyMissingError, SettingsError
from tieline.operations.create_workspace import create_workspace
from tieline.operations.link_keys import WORKSPACE_OWNER
from tieline.operations.manage_tokens import Role, create_token
from tieline.operations.read_workspace import read_identity
from tieline.operations.records import Identity
from tieline.protocol.config_check import check_link_name
from tieline.protocol.keys import load_private_key, parse_private_key, thumbprint
from tieline.protocol.values import JsonObject

FIRST_TOKEN = "first-admin"  # noqa: S105 - its name, not its text
FALLBACK_NAME = "workspace"

app = new_command()


@dataclass(frozen=True, slots=True)
class _Made:
    """What `init` found or made; `token` is empty when the workspace was there before."""

    identity: Identity
    token: str


@command(app, "init", "init --name factory", "init --key-file factory-key.pem", name="init")
def init(
    session: Session,
    name: Annotated[str, typer.Option(help="The workspace's name; else this machine's")] = "",
    key_file: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Take a copy of this private key (RSA PEM) in place of a new one",
        ),
    ] = "",
) -> None:
    """Makes a workspace on this machine: its directory, key, identity and a first token.

    A second time it changes nothing.
    """
    if not session.is_local:
        raise SettingsError("init makes a workspace on this machine: leave --url and TIELINE_URL")
    settings = session.settings
    # Everything that can be refused is looked at before anything is made.
    chosen = name or host_name_made_fit()
    check_link_name(chosen)
    key = _read_key(key_file)
    adapters = open_adapters(settings)
    try:
        made = _make(adapters, chosen, key)
    finally:
        adapters.close()
    shown = _describe(made, str(settings.directory))
    session.show(shown, lambda: _write(shown, made.token))


def host_name_made_fit(host_name: str | None = None) -> str:
    """Gives this machine's name as a workspace may be called."""
    short = (socket.gethostname() if host_name is None else host_name).partition(".")[0]
    return re.sub(r"[^a-z0-9]+", "-", short.lower()).strip("-")[:63] or FALLBACK_NAME


def _make(adapters: Adapters, name: str, key: bytes) -> _Made:
    try:
        return _Made(read_identity(adapters.store), "")
    except SettingsError:
        pass  # the usual case: there is none yet
    if key:
        _take_key(adapters, key)
    identity = create_workspace(adapters.store, adapters.keys, adapters.clock, name)
    absent = AbsentHost()
    workspace = open_workspace(adapters, absent, absent)
    return _Made(identity, create_token(workspace, FIRST_TOKEN, Role.ORGANIZATION_ADMIN).text)


def _read_key(key_file: str) -> bytes:
    if not key_file:
        return b""
    pem = read_bytes("own_private_key", key_file)
    parse_private_key(pem)
    return pem


def _take_key(adapters: Adapters, pem: bytes) -> None:
    try:
        present = adapters.keys.load(WORKSPACE_OWNER)
    except KeyMissingError:
        adapters.keys.save(WORKSPACE_OWNER, pem)
        return
    if thumbprint(present.public_key()) != thumbprint(load_private_key(pem).public_key()):
        raise InvalidFieldError(
            "own_private_key", "the data directory holds another key already; move it away first"
        )


def _describe(made: _Made, directory: str) -> JsonObject:
    shown: JsonObject = {
        "name": made.identity.name,
        "data_directory": directory,
        "fingerprint": made.identity.thumbprint,
        "public_key": made.identity.public_key,
        "is_new": bool(made.token),
    }
    return {**shown, "token": made.token} if made.token else shown


def _write(shown: JsonObject, token: str) -> None:
    if not token:
        note("the workspace was there before; nothing was changed")
    names = ("name", "data_directory", "fingerprint")
    print_fields({name.replace("_", " "): shown[name] for name in names})
    if token:
        say()
        say("Token of an organization admin, for the REST interface; it is shown only now:")
        say(token)
        say()
        say("On this machine the command line needs no token. From elsewhere:")
        say("  export TIELINE_URL=https://... TIELINE_TOKEN=<the token>")
        say("Next: `tieline serve` (or `tieline agent run`), then `tieline doctor`.")
