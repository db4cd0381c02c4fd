"""`tieline setting`."""

from __future__ import annotations

from typing import Annotated

import typer

from tieline.cli.command import command, new_group
from tieline.cli.inputs import STANDARD_INPUT, parse_json, read_text
from tieline.cli.listing import ListOptions
from tieline.cli.printing import pretty, say, say_exactly
from tieline.cli.records import delete_record, get_record, list_records, put_record
from tieline.cli.session import Session

app = new_group("Settings: JSON values that flows share.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The setting's name or id")]
Value = Annotated[str, typer.Argument(metavar="JSON", help="The value; - reads standard input")]


@command(app, "setting list", name="list")
def list_settings(session: Session, options: ListOptions) -> None:
    """Lists settings."""
    list_records(session, "setting", options, ("name", "value", "locked_by", "updated_at"))


@command(app, "setting get limits")
def get(session: Session, name: Name) -> None:
    """Prints a setting's value as JSON; with --json its whole record."""
    setting = get_record(session.client, "setting", name)
    session.show(setting, lambda: say_exactly(pretty(setting["value"])))


@command(
    app,
    """setting set greeting '"hello"'""",
    """setting set limits '{"retries": 3}'""",
    name="set",
)
def change(session: Session, name: Name, value: Value) -> None:
    """Sets a setting, which is made when there is none."""
    text = read_text("value", value) if value == STANDARD_INPUT else value
    found = parse_json("value", text)
    setting = put_record(session.client, "setting", name, "value", found)
    session.show(setting, lambda: say(f"setting {setting['name']} is set"))


@command(app, "setting delete limits")
def delete(session: Session, name: Name) -> None:
    """Deletes a setting."""
    delete_record(session, "setting", name)
