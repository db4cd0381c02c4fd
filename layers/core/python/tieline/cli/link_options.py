"""The options of `tieline link create` and `link set`, as fields of a sync config."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated

import typer

from tieline.cli.inputs import read_text
from tieline.errors import InvalidFieldError
from tieline.protocol.values import Json, JsonObject

NO_INTERVAL = "none"


@dataclass(frozen=True, kw_only=True)
class LinkOptions:
    """What is None was not given and stays as it is. The names are those of the command line."""

    remote_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="https://OTHER/api/latest/sync_config/NAME-THERE/sync; empty: never dial",
        ),
    ] = None
    remote_key: Annotated[
        str | None, typer.Option(metavar="FILE", help="The other side's public key (PEM)")
    ] = None
    own_key: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="A private key (PEM) for this link only; empty: the workspace's key",
        ),
    ] = None
    ca: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Certificates (PEM) to trust, for self-signed HTTPS"),
    ] = None
    verify: Annotated[
        bool | None,
        typer.Option("--verify/--no-verify", help="Verify the TLS certificate; off needs --pin"),
    ] = None
    pin: Annotated[
        str | None,
        typer.Option(metavar="SHA256", help="The only TLS certificate to accept; empty: any"),
    ] = None
    control: Annotated[
        str | None, typer.Option(metavar="MODE", help="auto, outgoing, incoming or both")
    ] = None
    sync_interval: Annotated[
        str | None,
        typer.Option(metavar="SECONDS", help="Send changes this often; none: at once"),
    ] = None
    send_all_executions: Annotated[
        bool | None,
        typer.Option(
            "--send-all-executions/--no-send-all-executions",
            help="Show the other side all that its flows start here",
        ),
    ] = None
    expose_flows: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Flows that the other side may run; again: more"),
    ] = None
    expose_settings: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Settings that it may read")
    ] = None
    expose_files: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Files that it may read")
    ] = None
    writable_settings: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Settings that it may change")
    ] = None
    writable_files: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Files that it may change")
    ] = None
    max_open_executions: Annotated[
        int | None, typer.Option(help="Executions of it that may be open here")
    ] = None
    max_post_bytes: Annotated[int | None, typer.Option(help="Largest post")] = None
    not_after_seconds: Annotated[
        int | None, typer.Option(help="Age at which a start that was not delivered expires")
    ] = None
    enable: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Switch the link on or off")
    ] = None


def fields_of(options: LinkOptions) -> JsonObject:
    """Gives the fields of the sync config that the options set; reads the files they name.

    Raises:
        InvalidFieldError: a file cannot be read, or the interval is no number.
    """
    given: JsonObject = {}
    for each in fields(options):
        value = getattr(options, each.name)
        if value is not None:
            read = _READ.get(each.name, _as_it_is)
            given[_FIELD.get(each.name, each.name)] = read(value)
    return given


def _as_it_is(value: Json) -> Json:
    return value


def _read_globs(value: Json) -> Json:
    # An empty glob on the command line empties the list.
    return [each for each in value if each] if isinstance(value, list) else value


def _read_pin(value: Json) -> Json:
    # `openssl x509 -fingerprint` writes colons and capitals.
    return str(value).replace(":", "").lower()


def _read_interval(value: Json) -> Json:
    if value == NO_INTERVAL:
        return None
    try:
        return float(str(value))
    except ValueError as error:
        raise InvalidFieldError(
            "sync_interval", f"must be a number of seconds, or {NO_INTERVAL} to send at once"
        ) from error


def _file_reader(field: str) -> Callable[[Json], Json]:
    return lambda name: read_text(field, str(name)) if name else ""


_FIELD = {
    "remote_key": "remote_public_key",
    "own_key": "own_private_key",
    "ca": "ca_certificate",
    "verify": "verify_ssl_certificates",
    "pin": "pinned_certificate_sha256",
    "enable": "is_enabled",
}
_GLOBS = (
    "expose_flows",
    "expose_settings",
    "expose_files",
    "writable_settings",
    "writable_files",
)
_READ: dict[str, Callable[[Json], Json]] = {
    **{name: _file_reader(_FIELD[name]) for name in ("remote_key", "own_key", "ca")},
    **dict.fromkeys(_GLOBS, _read_globs),
    "pin": _read_pin,
    "sync_interval": _read_interval,
}
