"""`tieline demo`: two linked workspaces on this machine run flows in each other."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from tieline.cli.command import command, new_command
from tieline.cli.demo_flows import ASK_CLOUD, ASK_ON_PREM, INSPECT, REPORT
from tieline.cli.demo_side import DemoError, DemoSide
from tieline.cli.interrupts import Interrupts
from tieline.cli.printing import note, say
from tieline.cli.session import Session

app = new_command()

RUN_SECONDS = 60.0


@command(app, "demo", "demo --keep", name="demo")
def demo(
    session: Session,
    keep: Annotated[bool, typer.Option("--keep", help="Leave both running until Ctrl-C")] = False,
) -> None:
    """Shows a cloud workspace and an on-prem one, which dials out only, running each other's flows.

    Everything is made in a temporary directory by the commands that it prints.
    """
    del session
    try:
        with _two_linked_workspaces() as (cloud, on_prem):
            _show_flows(cloud, on_prem)
            say("\nBoth ways work. On-prem opened every connection; it listens on nothing.")
            if keep:
                _stay(cloud, on_prem)
            else:
                say("`make demo KEEP=1` (or `tieline demo --keep`) leaves them up for playing.")
    except DemoError as error:
        note(f"error: the demo failed: {error}")
        raise typer.Exit(1) from error


@contextmanager
def _two_linked_workspaces() -> Iterator[tuple[DemoSide, DemoSide]]:
    with ExitStack() as stack:
        top = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tieline-demo-")))
        cloud, on_prem = DemoSide("cloud", top), DemoSide("on-prem", top)
        say("== Two workspaces, each with its own key")
        for side in (cloud, on_prem):
            side.tieline("init", "--name", side.name)
            side.save_public_key()
        say("\n== The cloud serves; its side of the link only answers")
        cloud.tieline(
            *("link", "create", "on-prem", "--remote-key", str(on_prem.public_key)),
            *("--control", "both", "--enable"),
        )
        stack.enter_context(cloud.running("serve", "--port", "0"))
        say("\n== On-prem dials out, and has no web server at all")
        on_prem.tieline(
            *("link", "create", "cloud", "--remote-key", str(cloud.public_key)),
            *("--remote-url", f"{cloud.url}/api/latest/sync_config/on-prem/sync"),
            *("--control", "both", "--enable"),
        )
        stack.enter_context(on_prem.running("agent", "run"))
        on_prem.tieline("link", "test", "cloud")
        yield cloud, on_prem


def _show_flows(cloud: DemoSide, on_prem: DemoSide) -> None:
    say("\n== A flow in the cloud starts a flow on-prem")
    on_prem.add_flow("inspect_machine", INSPECT)
    cloud.add_flow("ask_on_prem", ASK_ON_PREM)
    cloud.run_and_watch("ask_on_prem", {"host": "m7"}, on_prem, RUN_SECONDS)
    say("\n== The same the other way round")
    cloud.add_flow("make_report", REPORT)
    on_prem.add_flow("ask_cloud", ASK_CLOUD)
    on_prem.run_and_watch("ask_cloud", {"shift": "late"}, cloud, RUN_SECONDS)


def _stay(cloud: DemoSide, on_prem: DemoSide) -> None:
    say("\nThey stay up until Ctrl-C. In another terminal:")
    say(f"  tieline --data-dir {cloud.directory} run inspect_machine --on on-prem -i host=m8")
    say(f"  tieline --data-dir {on_prem.directory} run make_report --on cloud -i shift=early")
    say(f"  tieline --data-dir {cloud.directory} execution list --all")
    say(f"  tieline --data-dir {cloud.directory} link status")
    with Interrupts() as interrupts:
        while not interrupts.take():
            interrupts.wait(60.0)
