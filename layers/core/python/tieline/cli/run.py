"""`tieline run`: starts a flow and watches it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from tieline.cli.client import Client, object_of, path_to
from tieline.cli.command import command, new_command
from tieline.cli.follow import Follower, Watcher, has_ended
from tieline.cli.inputs import parse_json, parse_pairs, read_text
from tieline.cli.interrupts import Interrupts
from tieline.cli.log_lines import render_line
from tieline.cli.printing import note, pretty, say, say_exactly
from tieline.cli.session import Session
from tieline.errors import InvalidFieldError
from tieline.protocol.states import Status
from tieline.protocol.values import Json, JsonObject

app = new_command()

Flow = Annotated[
    str, typer.Argument(metavar="FLOW", help="The flow's name, in the workspace where it runs")
]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What to run with, and how long to watch."""

    on: Annotated[
        str, typer.Option("--on", metavar="LINK", help="Run it in the workspace behind this link")
    ] = ""
    input_json: Annotated[str, typer.Option("--input", metavar="JSON", help="The input value")] = ""
    input_file: Annotated[
        str, typer.Option(metavar="FILE", help="Read it from a file; - is standard input")
    ] = ""
    pairs: Annotated[
        list[str] | None,
        typer.Option("-i", metavar="KEY=VALUE", help="One member of it; VALUE is JSON or text"),
    ] = None
    name: Annotated[str, typer.Option(help="The execution's name; else the flow's")] = ""
    max_runtime_minutes: Annotated[
        float | None, typer.Option(help="End it as an error after that time")
    ] = None
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Stop watching then; the execution goes on"),
    ] = None
    is_detached: Annotated[
        bool, typer.Option("--detach", help="Only start it, and print its id")
    ] = False


@command(
    app,
    "run nightly",
    "run restart_service --on factory -i host=m7 -i force=true",
    "run report --input-file input.json --timeout 60",
    name="run",
)
def run(session: Session, flow: Flow, options: RunOptions) -> None:
    """Runs a flow and shows its status and log as they come; exits with 0 iff it succeeds.

    Ctrl-C asks for the end of the execution and waits for it; a second one leaves.
    """
    client = session.client
    view = object_of(client.request("POST", path_to("execution"), body=_body(flow, options)))
    if not client.wake():
        note("no host runs this workspace now: it will run with `tieline serve` or `agent run`")
    if options.is_detached:
        session.show(view, lambda: say(str(view["id"])))
        return
    note(f"execution {view['id']}")
    write = note if session.is_json else say
    watcher = Watcher(
        on_status=lambda seen: note(_describe_status(seen)),
        on_lines=lambda lines: _write_lines(lines, write),
        on_trouble=lambda text: note(f"warning: {text}"),
    )
    follower = Follower(client, str(view["id"]), watcher)
    final = _watch(follower, client, options.timeout)
    session.show(final, lambda: _write_output(final))
    if final["status"] != Status.ENDED_SUCCESS:
        note(f"error: {_describe_end(final)}")
        raise typer.Exit(1)


def _body(flow: str, options: RunOptions) -> JsonObject:
    value = _input_value(options)
    body: JsonObject = {"flow_name": flow}
    optional: dict[str, Json] = {
        "input_value": value,
        "name": options.name or None,
        "remote_workspace_name": options.on or None,
        "max_runtime_minutes": options.max_runtime_minutes,
    }
    return {**body, **{name: found for name, found in optional.items() if found is not None}}


def _input_value(options: RunOptions) -> Json:
    given = [bool(options.input_json), bool(options.input_file), bool(options.pairs)]
    if sum(given) > 1:
        raise InvalidFieldError("input", "give one of --input, --input-file and -i only")
    if options.input_json:
        return parse_json("input", options.input_json)
    if options.input_file:
        return parse_json("input", read_text("input", options.input_file))
    return parse_pairs(options.pairs) if options.pairs else None


def _watch(follower: Follower, client: Client, timeout_seconds: float | None) -> JsonObject:
    """Follows to the end; a Ctrl-C becomes a wish to cancel, a second one ends the command."""
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    with Interrupts() as interrupts:
        while True:
            view = follower.look()
            if view is not None and has_ended(view):
                return view
            if interrupts.take():
                client.request(
                    "POST", path_to("execution", follower.execution_id, "cancel"), body={}
                )
                note("asked to cancel, waiting for the end; Ctrl-C again leaves")
            if deadline is not None and time.monotonic() >= deadline:
                raise InvalidFieldError(
                    "timeout",
                    f"execution {follower.execution_id} has not ended and goes on; "
                    f"`tieline execution log {follower.execution_id} --follow` watches it",
                )
            interrupts.wait(_until(deadline, follower.pause_seconds))


def _until(deadline: float | None, pause_seconds: float) -> float:
    if deadline is None:
        return pause_seconds
    return max(0.0, min(pause_seconds, deadline - time.monotonic()))


def _write_lines(lines: Sequence[JsonObject], write: Callable[[str], None]) -> None:
    for line in lines:
        write(render_line(line))


def _describe_status(view: JsonObject) -> str:
    return f"status {view['status']}" + (f" ({view['note']})" if view.get("note") else "")


def _describe_end(view: JsonObject) -> str:
    code = f" ({view['status_code']})" if view.get("status_code") else ""
    message = f": {view['message']}" if view.get("message") else ""
    return f"{view['status']}{code}{message}"


def _write_output(view: JsonObject) -> None:
    if view["output_value"] is not None:
        say_exactly(pretty(view["output_value"]))
    elif view["status"] == Status.ENDED_SUCCESS and view.get("message"):
        say(str(view["message"]))
