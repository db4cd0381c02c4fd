"""Lists records of any kind: pages, and a cap on the work of one request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import gt, lt

from tieline.operations.record_filter import Filter, matches
from tieline.ports import Row, Store
from tieline.protocol.values import JsonObject

DEFAULT_LIMIT = 50
MAX_LIMIT = 500

MAX_SCANNED_ROWS = 2000
"""Rows looked at for one page, so that a filter that fits nothing costs no more than this."""

PAGE_BYTES = 4 * 1024 * 1024
"""Bodies read for one page; a Lambda answer holds 6 MB at most."""

_BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to list. `after` is the `next` of the page before."""

    limit: int = DEFAULT_LIMIT
    after: str | None = None
    filters: Sequence[Filter] = ()
    is_newest_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some views; `next` is None when there are no more.

    A page may be shorter than its limit, even empty, and still have a `next`: then it met its cap
    of rows or bytes.
    """

    items: Sequence[JsonObject]
    next: str | None


View = Callable[[Row], JsonObject]


def list_records(store: Store, kind: str, query: Query, view: View) -> Page:
    """Gives one page of a kind's listed rows, as views."""
    return fill_page(_scan(store, kind, query), query, view)


def list_children(store: Store, kind: str, parent_id: str, query: Query, view: View) -> Page:
    """Gives one page of the rows of a kind with that parent, unlisted ones included."""
    rows = sorted(
        store.children(kind, parent_id), key=lambda row: row.id, reverse=query.is_newest_first
    )
    after = query.after
    if after is not None:
        is_behind = lt if query.is_newest_first else gt
        rows = [row for row in rows if is_behind(row.id, after)]
    return fill_page(((row, row.id) for row in rows), query, view)


def list_with_unlisted(store: Store, kind: str, query: Query, view: View) -> Page:
    """Gives one page of listed rows, each followed by the unlisted rows below it.

    A page ends only between listed rows, so it may be longer than its limit.
    """
    return fill_page(_scan_with_unlisted(store, kind, query), query, view)


def fill_page(rows: Iterable[tuple[Row, str]], query: Query, view: View) -> Page:
    """Takes rows until the page is full or a cap is met.

    Args:
        rows: each with the cursor to go on from when it was the last one.
    """
    items: list[JsonObject] = []
    size = 0
    last: str | None = None
    for scanned, (row, cursor) in enumerate(rows):
        is_full = len(items) >= query.limit or scanned >= MAX_SCANNED_ROWS or size >= PAGE_BYTES
        if is_full and cursor != last:
            return Page(items=items, next=last)
        last = cursor
        shown = view(row)
        if matches(shown, query.filters):
            items.append(shown)
            size += len(row.body)
    return Page(items=items, next=None)


def _scan(store: Store, kind: str, query: Query) -> Iterator[tuple[Row, str]]:
    after = query.after
    while True:
        batch = store.list(kind, after=after, limit=_BATCH, newest_first=query.is_newest_first)
        for row in batch:
            yield row, row.id
        if len(batch) < _BATCH:
            return
        after = batch[-1].id


def _scan_with_unlisted(store: Store, kind: str, query: Query) -> Iterator[tuple[Row, str]]:
    for row, cursor in _scan(store, kind, query):
        yield row, cursor
        for hidden in unlisted_below(store, row):
            yield hidden, cursor


def unlisted_below(store: Store, row: Row) -> Iterator[Row]:
    """Gives the unlisted rows below a row; those below a listed child belong to that child."""
    for child in store.children(row.kind, row.id):
        if not child.is_listed:
            yield child
            yield from unlisted_below(store, child)
