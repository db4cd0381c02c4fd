"""`tieline doctor`: what is wrong first, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from tieline.cli.checks import Check, view_check
from tieline.cli.client import Client, object_of, path_to
from tieline.cli.command import command, new_command
from tieline.cli.link_checks import check_link
from tieline.cli.links import RESOURCE
from tieline.cli.listing import fetch_all
from tieline.cli.printing import say
from tieline.cli.records import get_record
from tieline.cli.session import Session
from tieline.errors import TielineError
from tieline.protocol.values import JsonObject

NEEDED_TO_GO_ON = frozenset({"data directory", "database", "workspace"})

app = new_command()


@command(
    app,
    "doctor",
    "doctor factory",
    "--url https://workspace.example doctor",
    name="doctor",
)
def doctor(
    session: Session,
    link: Annotated[
        str, typer.Argument(metavar="LINK", help="Only this link; none: all links")
    ] = "",
) -> None:
    """Checks the installation and the links; explains the first problem of each in plain words.

    Exits with 0 when all is well, else with 1.
    """
    checks = _check_workspace(session)
    if not any(check.subject in NEEDED_TO_GO_ON and not check.is_ok for check in checks):
        checks += _check_links(session.client, link)
    is_well = all(check.is_ok for check in checks)
    document: JsonObject = {
        "is_well": is_well,
        "checks": [view_check(check) for check in checks],
    }
    session.show(document, lambda: _write(checks))
    if not is_well:
        raise typer.Exit(1)


def _check_workspace(session: Session) -> list[Check]:
    if session.is_local:
        # Imported late: it opens the data directory, which a workspace elsewhere has not.
        from tieline.cli.installation_checks import check_installation  # noqa: PLC0415

        return check_installation(session.settings)
    try:
        found = object_of(session.client.request("GET", path_to("workspace")))
    except TielineError as error:
        return [Check(subject="workspace", is_ok=False, detail=str(error))]
    detail = f"{found['name']} answers, version {found['version']}"
    return [Check(subject="workspace", is_ok=True, detail=detail)]


def _check_links(client: Client, name: str) -> list[Check]:
    links = [get_record(client, RESOURCE, name)] if name else fetch_all(client, path_to(RESOURCE))
    if not links:
        detail = "none yet; `tieline link create` makes one"
        return [Check(subject="links", is_ok=True, detail=detail)]
    return [check for link in links for check in check_link(client, link)]


def _write(checks: Sequence[Check]) -> None:
    for check in checks:
        say(f"{'ok  ' if check.is_ok else 'FAIL'}  {check.subject}: {check.detail}")
        if check.cure:
            say(f"      do: {check.cure}")
    first = next((check for check in checks if not check.is_ok), None)
    say()
    if first is None:
        say("All is well.")
    else:
        say(f"First, {first.subject}: {first.cure or first.detail}")
