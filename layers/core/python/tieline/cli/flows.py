"""`tieline flow`."""

from __future__ import annotations

from typing import Annotated

import typer

from tieline.cli.client import object_of, path_to
from tieline.cli.command import command, new_group
from tieline.cli.inputs import read_text
from tieline.cli.listing import ListOptions
from tieline.cli.printing import say, say_exactly
from tieline.cli.records import delete_record, get_record, list_records
from tieline.cli.session import Session

app = new_group("Flows: the scripts that executions run.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The flow's name or id")]
Script = Annotated[
    str, typer.Argument(metavar="FILE", help="File with the script; - reads standard input")
]


@command(app, "flow list", "flow list --filter name^=report-", name="list")
def list_flows(session: Session, options: ListOptions) -> None:
    """Lists flows."""
    list_records(session, "flow", options, ("name", "id", "created_at", "updated_at"))


@command(app, "flow show nightly", "flow show nightly > nightly.py")
def show(session: Session, name: Name) -> None:
    """Prints a flow's script."""
    flow = get_record(session.client, "flow", name)
    session.show(flow, lambda: say_exactly(str(flow["script"]).removesuffix("\n")))


@command(app, "flow add nightly nightly.py")
def add(session: Session, name: Name, file: Script) -> None:
    """Adds a flow; its script must have no syntax error."""
    body = {"name": name, "script": read_text("script", file)}
    flow = object_of(session.client.request("POST", path_to("flow"), body=body))
    session.show(flow, lambda: say(f"flow {flow['name']} is added; try `tieline run {name}`"))


@command(app, "flow set nightly nightly.py", name="set")
def change(session: Session, name: Name, file: Script) -> None:
    """Replaces a flow's script; executions that run already keep the old one."""
    body = {"script": read_text("script", file)}
    flow = object_of(session.client.request("PATCH", path_to("flow", name), body=body))
    session.show(flow, lambda: say(f"flow {flow['name']} is changed"))


@command(app, "flow delete nightly")
def delete(session: Session, name: Name) -> None:
    """Deletes a flow."""
    delete_record(session, "flow", name)
