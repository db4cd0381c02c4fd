"""`tieline link`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from tieline.cli.client import Client, object_of, path_to
from tieline.cli.command import command, new_group
from tieline.cli.link_health import LinkHealth, judge_link
from tieline.cli.link_options import LinkOptions, fields_of
from tieline.cli.listing import ListOptions, fetch_all
from tieline.cli.printing import note, print_fields, print_table, say
from tieline.cli.records import delete_record, get_record, list_records
from tieline.cli.session import Session
from tieline.errors import InvalidFieldError
from tieline.protocol.values import Json, JsonObject

RESOURCE = "sync_config"

app = new_group("Links to other workspaces.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The link's name or id")]
PerhapsName = Annotated[
    str, typer.Argument(metavar="NAME", help="The link's name or id; none: all links")
]


@command(
    app,
    "link create factory --remote-key factory.pem --enable",
    "link create cloud --remote-key cloud.pem --control both --enable \\\n"
    "      --remote-url https://HOST/api/latest/sync_config/factory/sync",
)
def create(session: Session, name: Name, options: LinkOptions) -> None:
    """Makes a link. One side at least needs the other's URL, both need the other's public key."""
    body: JsonObject = {"name": name, **fields_of(options)}
    link = object_of(session.client.request("POST", path_to(RESOURCE), body=body))

    def write() -> None:
        say(f"link {link['name']} is made, {_state(link)}")
        print_fields(_next_steps(link))

    session.show(link, write)


@command(app, "link list", name="list")
def list_links(session: Session, options: ListOptions) -> None:
    """Lists links."""
    columns = ("name", "is_enabled", "control", "remote_url", "sync_interval", "peer_fingerprint")
    list_records(session, RESOURCE, options, columns)


@command(app, "link show factory")
def show(session: Session, name: Name) -> None:
    """Shows a link's settings; of keys only their fingerprints."""
    link = get_record(session.client, RESOURCE, name)
    session.show(link, lambda: print_fields(link))


@command(
    app,
    "link set factory --disable",
    "link set factory --sync-interval none --expose-flows 'report-*' --expose-flows ping",
    name="set",
)
def change(
    session: Session,
    name: Name,
    options: LinkOptions,
    rename: Annotated[str | None, typer.Option(metavar="NAME", help="Give another name")] = None,
) -> None:
    """Changes what is given of a link; the rest stays."""
    changes = fields_of(options)
    if rename is not None:
        changes["name"] = rename
    if not changes:
        raise InvalidFieldError("options", "none was given, so nothing changed; see --help")
    link = object_of(session.client.request("PATCH", path_to(RESOURCE, name), body=changes))
    session.show(link, lambda: say(f"link {link['name']} is changed, {_state(link)}"))


@command(app, "link delete factory", "link delete factory --force")
def delete(
    session: Session,
    name: Name,
    is_forced: Annotated[
        bool,
        typer.Option(
            "--force", help="Although executions are open: theirs end as lost, ours are cancelled"
        ),
    ] = False,
) -> None:
    """Deletes a link, its own key and what it remembers."""
    delete_record(session, RESOURCE, name, is_forced=is_forced)


@command(app, "link status", "link status factory", "--json link status")
def status(session: Session, name: PerhapsName = "") -> None:
    """Tells how links are. Shows what was verified last, what waits, what went wrong."""
    client = session.client
    links = [get_record(client, RESOURCE, name)] if name else fetch_all(client, path_to(RESOURCE))
    found = [fetch_status(client, link) for link in links]
    shown: list[Json] = [{**facts, "health": health.health.value} for facts, health in found]

    def write() -> None:
        if name:
            _write_status(*found[0])
        else:
            rows = [(facts["name"], health.headline) for facts, health in found]
            print_table(["NAME", "STATUS"], rows, "no links")

    session.show(shown[0] if name else {"items": shown, "next": None}, write)


@command(app, "link test factory")
def test(session: Session, name: Name) -> None:
    """Tries a link now, step by step. Exits with 1 when it does not work."""
    result = object_of(session.client.request("POST", path_to(RESOURCE, name, "test"), body={}))
    session.show(result, lambda: write_steps(result))
    if not result["is_working"]:
        raise typer.Exit(1)


def fetch_status(client: Client, link: JsonObject) -> tuple[JsonObject, LinkHealth]:
    """Gives the facts about a link, and what they mean."""
    facts = object_of(client.request("GET", path_to(RESOURCE, str(link["id"]), "status")))
    interval = link.get("sync_interval")
    seconds = float(interval) if isinstance(interval, int | float) else None
    return facts, judge_link(facts, datetime.now(UTC), seconds)


def steps_of(result: JsonObject) -> list[JsonObject]:
    """Gives the steps of a link's test."""
    steps = result.get("steps")
    return [each for each in steps if isinstance(each, dict)] if isinstance(steps, list) else []


def write_steps(result: JsonObject) -> None:
    """Prints the steps of a link's test."""
    for step in steps_of(result):
        mark = "ok  " if step["is_ok"] else "FAIL"
        say(f"{mark}  {step['name']!s:<10}  {step['detail']}".rstrip())
    if not result["is_working"]:
        note("the link does not work; `tieline doctor` says what to do")


def _write_status(facts: JsonObject, health: LinkHealth) -> None:
    say(f"{facts['name']}: {health.headline}")
    for line in health.details:
        say(f"  {line}")


def _state(link: JsonObject) -> str:
    return "enabled" if link["is_enabled"] else "disabled (`link set NAME --enable` enables it)"


def _next_steps(link: JsonObject) -> dict[str, object]:
    steps: dict[str, object] = {"own fingerprint": link["own_fingerprint"]}
    if link["peer_fingerprint"]:
        steps["peer fingerprint"] = link["peer_fingerprint"]
    if not link["remote_url"]:
        steps["the other side's remote URL"] = f"https://<this workspace>{link['path']}"
    return steps
