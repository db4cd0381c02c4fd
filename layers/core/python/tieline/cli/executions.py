"""`tieline execution`."""

from __future__ import annotations

from typing import Annotated

import typer

from tieline.cli.client import object_of, path_to
from tieline.cli.command import command, new_group
from tieline.cli.follow import UNREACHABLE_SECONDS, Follower, Watcher, has_ended
from tieline.cli.interrupts import Interrupts
from tieline.cli.listing import ListOptions, fetch_list
from tieline.cli.log_lines import render_line
from tieline.cli.printing import note, print_fields, say
from tieline.cli.records import get_record, print_page
from tieline.cli.session import Session
from tieline.protocol.values import Json, JsonObject

RESOURCE = "execution"
COLUMNS = ("id", "flow_name", "status", "origin", "remote_workspace_name", "created_at", "message")

app = new_group("Executions: what runs and what ran.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The execution's id")]


@command(
    app,
    "execution list",
    "execution list --filter status=ENDED_ERROR --filter 'created_at>=2026-05-04T00:00:00Z'",
    "execution list --parent 01970c1e-0000-7000-8000-000000000000",
    name="list",
)
def list_executions(
    session: Session,
    options: ListOptions,
    is_all: Annotated[
        bool, typer.Option("--all", help="Also what flows here started in other workspaces")
    ] = False,
    parent: Annotated[str, typer.Option(metavar="ID", help="Children of this execution")] = "",
) -> None:
    """Lists executions, newest first."""
    query: dict[str, str | int] = {}
    if is_all:
        query["all"] = "true"
    if parent:
        query["parent_id"] = parent
    page = fetch_list(session.client, path_to(RESOURCE), options, query)
    session.show(page, lambda: print_page(page, RESOURCE, COLUMNS))


@command(app, "execution show 01970c1e-0000-7000-8000-000000000000")
def show(session: Session, execution_id: Id) -> None:
    """Shows an execution with its input and output."""
    view = get_record(session.client, RESOURCE, execution_id)
    session.show(view, lambda: print_fields(view))


@command(
    app,
    "execution log 01970c1e-0000-7000-8000-000000000000",
    "execution log 01970c1e-0000-7000-8000-000000000000 --follow",
)
def log(
    session: Session,
    execution_id: Id,
    is_followed: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the execution has ended")
    ] = False,
) -> None:
    """Prints an execution's log."""
    lines: list[Json] = []
    write = note if session.is_json else say

    def take(new: list[JsonObject]) -> None:
        lines.extend(new)
        if is_followed or not session.is_json:
            for line in new:
                write(render_line(line))

    watcher = Watcher(on_status=_ignore, on_lines=take, on_trouble=note)
    patience = UNREACHABLE_SECONDS if is_followed else 0.0
    follower = Follower(session.client, execution_id, watcher, patience_seconds=patience)
    with Interrupts() as interrupts:
        while True:
            view = follower.look()
            if interrupts.take():
                raise KeyboardInterrupt
            if view is not None and (has_ended(view) or not is_followed):
                break
            interrupts.wait(follower.pause_seconds)
    if session.is_json:
        session.show({"id": view["id"], "status": view["status"], "lines": lines}, _nothing)


@command(app, "execution cancel 01970c1e-0000-7000-8000-000000000000")
def cancel(session: Session, execution_id: Id) -> None:
    """Asks for the end of an execution; it has ended when its status says so."""
    _want(session, execution_id, "cancel")


@command(app, "execution pause 01970c1e-0000-7000-8000-000000000000")
def pause(session: Session, execution_id: Id) -> None:
    """Asks for a pause of an execution."""
    _want(session, execution_id, "pause")


@command(app, "execution resume 01970c1e-0000-7000-8000-000000000000")
def resume(session: Session, execution_id: Id) -> None:
    """Asks a paused execution to go on."""
    _want(session, execution_id, "resume")


def _want(session: Session, execution_id: str, wish: str) -> None:
    path = path_to(RESOURCE, execution_id, wish)
    view = object_of(session.client.request("POST", path, body={}))

    def write() -> None:
        if has_ended(view):
            say(f"execution {view['id']} has ended already: {view['status']}")
        else:
            say(f"execution {view['id']}: {wish} requested; its status is {view['status']}")

    session.show(view, write)


def _ignore(_view: JsonObject) -> None:
    return


def _nothing() -> None:
    return
