"""`tieline token`."""

from __future__ import annotations

from typing import Annotated

import typer

from tieline.cli.client import object_of, path_to
from tieline.cli.command import command, new_group
from tieline.cli.listing import ListOptions
from tieline.cli.printing import note, say
from tieline.cli.records import delete_record, list_records
from tieline.cli.session import Session
from tieline.protocol.values import JsonObject

app = new_group("Tokens: who may call the REST interface, and as what.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The token's name or id")]
Role = Annotated[
    str, typer.Option(help="organization-admin (everything), user (no links, tokens) or viewer")
]
Days = Annotated[int, typer.Option(help="Days until it expires")]


@command(app, "token list", name="list")
def list_tokens(session: Session, options: ListOptions) -> None:
    """Lists tokens, never their text."""
    list_records(session, "token", options, ("name", "role", "created_at", "expires_at"))


@command(app, "token create dashboard --role viewer", "token create ci --role user")
def create(session: Session, name: Name, role: Role, expires_in_days: Days = 365) -> None:
    """Makes a token and shows its text, once."""
    body: JsonObject = {"name": name, "role": role, "expires_in_days": expires_in_days}
    token = object_of(session.client.request("POST", path_to("token"), body=body))

    def write() -> None:
        note(f"token {token['name']} ({token['role']}), valid until {token['expires_at']}")
        note("it is shown only now; keep it as you keep a password:")
        say(str(token["token"]))

    session.show(token, write)


@command(app, "token delete dashboard")
def delete(session: Session, name: Name) -> None:
    """Revokes a token; it is refused from now on."""
    delete_record(session, "token", name)
