"""What the commands for flows, settings, files, tokens and executions do alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from tieline.cli.client import Client, ProblemError, object_of, path_to
from tieline.cli.listing import ListOptions, fetch_list, items_of, mention_next
from tieline.cli.printing import print_table, say
from tieline.cli.session import Session
from tieline.cli.wording import ago
from tieline.protocol.values import JsonObject

NOT_FOUND = 404


def list_records(
    session: Session, resource: str, options: ListOptions, columns: Sequence[str]
) -> None:
    """Prints a list; a column is a field, one that ends in `_at` is shown as an age."""
    page = fetch_list(session.client, path_to(resource), options)
    session.show(page, lambda: print_page(page, resource, columns))


def print_page(page: JsonObject, resource: str, columns: Sequence[str]) -> None:
    """Prints a page as a table."""
    now = datetime.now(UTC)
    rows = [[_cell(item, column, now) for column in columns] for item in items_of(page)]
    titles = [column.removesuffix("_at").replace("_", " ").upper() for column in columns]
    print_table(titles, rows, f"no {resource}s")
    mention_next(page)


def get_record(client: Client, resource: str, name: str) -> JsonObject:
    """Gives the record of that id or name."""
    return object_of(client.request("GET", path_to(resource, name)))


def put_record(client: Client, resource: str, name: str, field: str, value: object) -> JsonObject:
    """Changes the record, or creates it when there is none."""
    changes: JsonObject = {field: value}  # type: ignore[dict-item] # the callers give JSON
    try:
        return object_of(client.request("PATCH", path_to(resource, name), body=changes))
    except ProblemError as error:
        if error.status != NOT_FOUND:
            raise
    body: JsonObject = {"name": name, **changes}
    return object_of(client.request("POST", path_to(resource), body=body))


def delete_record(session: Session, resource: str, name: str, *, is_forced: bool = False) -> None:
    """Deletes the record of that id or name, and says so."""
    query = {"force": "true"} if is_forced else None
    session.client.request("DELETE", path_to(resource, name), query)
    session.show({"name": name, "is_deleted": True}, lambda: say(f"{resource} {name} is deleted"))


def _cell(item: JsonObject, column: str, now: datetime) -> object:
    value = item.get(column)
    return ago(value, now) if column.endswith("_at") and value else value
