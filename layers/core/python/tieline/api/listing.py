"""The parameters and the answer that all lists share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from annotated_types import Ge, Le

from tieline.errors import InvalidFieldError
from tieline.operations.list_records import DEFAULT_LIMIT, MAX_LIMIT, Page, Query, list_records
from tieline.operations.manage_resources import is_id
from tieline.operations.record_filter import parse_filters
from tieline.ports import Row, Store
from tieline.protocol.values import JsonObject

Limit = Annotated[int, Ge(1), Le(MAX_LIMIT)]

__all__ = ["DEFAULT_LIMIT", "Limit", "list_answer", "page_answer", "read_query"]


def read_query(
    fields: frozenset[str],
    limit: int,
    after: str | None,
    conditions: str | None,
    *,
    is_newest_first: bool = False,
) -> Query:
    """Gives what a request wants to list.

    Raises:
        InvalidFieldError: names `after` or `filter`.
    """
    if after is not None and not is_id(after):
        raise InvalidFieldError("after", "must be the `next` of the page before")
    filters = parse_filters(conditions, fields)
    return Query(limit=limit, after=after, filters=filters, is_newest_first=is_newest_first)


def list_answer(
    store: Store, kind: str, query: Query, view: Callable[[Row], JsonObject]
) -> JsonObject:
    """Gives one page of a kind as its JSON answer."""
    return page_answer(list_records(store, kind, query, view))


def page_answer(page: Page) -> JsonObject:
    """Gives a page as its JSON answer."""
    return {"items": list(page.items), "next": page.next}
