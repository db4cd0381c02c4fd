"""Lists of records: the options they share, one page or all pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from tieline.cli.client import Client, Query, object_of
from tieline.cli.filters import join_filters
from tieline.cli.printing import note
from tieline.protocol.values import Json, JsonObject


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """What every list can be asked for."""

    limit: Annotated[int, typer.Option(min=1, max=500, help="Records on one page")] = 50
    after: Annotated[
        str, typer.Option(metavar="CURSOR", help="Go on behind the page that named this cursor")
    ] = ""
    filter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            help="Show only what meets FIELD=VALUE (also != < <= > >=, ~= contains, ^= starts "
            "with); again: and",
        ),
    ] = None
    all_pages: Annotated[bool, typer.Option("--all-pages", help="Follow all pages")] = False


def fetch_list(
    client: Client, path: str, options: ListOptions, query: Query | None = None
) -> JsonObject:
    """Gives one page, or with `all_pages` all of them as one: `items` and `next`."""
    asked: dict[str, str | int] = {**(query or {}), "limit": options.limit}
    if options.after:
        asked["after"] = options.after
    if options.filter:
        asked["filter"] = join_filters(options.filter)
    page = object_of(client.request("GET", path, asked))
    if not options.all_pages:
        return page
    items = items_of(page)
    while page["next"]:
        page = object_of(client.request("GET", path, {**asked, "after": str(page["next"])}))
        items += items_of(page)
    return {"items": list[Json](items), "next": None}


def fetch_all(client: Client, path: str) -> list[JsonObject]:
    """Gives every record of a list."""
    return items_of(fetch_list(client, path, ListOptions(limit=500, all_pages=True)))


def items_of(page: JsonObject) -> list[JsonObject]:
    """Gives the records of a page."""
    items = page.get("items")
    return [each for each in items if isinstance(each, dict)] if isinstance(items, list) else []


def mention_next(page: JsonObject) -> None:
    """Says how to see more when there is more."""
    if page["next"]:
        note(f"there is more: --all-pages, or --after {page['next']}")
