"""Finds the executions of a link that have not ended."""

from __future__ import annotations

from collections.abc import Iterator

from tieline.operations.list_records import unlisted_below
from tieline.operations.records import EXECUTION, Versioned, execution_of
from tieline.ports import Row, Store

_BATCH = 100


def find_open(store: Store, link_id: str) -> Iterator[Versioned]:
    """Gives every execution of the link that has not ended, both ways.

    Looks at all executions, for the store has no index by link: for what an operator does now and
    then, not for what happens per post.
    """
    for row in _all_rows(store):
        found = execution_of(row)
        if found.execution.link_id == link_id and not found.execution.is_ended:
            yield found


def _all_rows(store: Store) -> Iterator[Row]:
    after: str | None = None
    while True:
        batch = store.list(EXECUTION, after=after, limit=_BATCH)
        for row in batch:
            yield row
            yield from unlisted_below(store, row)
        if len(batch) < _BATCH:
            return
        after = batch[-1].id
