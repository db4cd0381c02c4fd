"""Finds the executions of a link that have not ended."""

from __future__ import annotations

from collections.abc import Iterator

from tieline.operations.records import Versioned, execution_of, open_group
from tieline.ports import Store
from tieline.protocol.execution import Role

_BATCH = 100


def find_open(store: Store, link_id: str) -> Iterator[Versioned]:
    """Gives every execution of the link that has not ended, both ways."""
    for role in Role:
        after: str | None = None
        while True:
            batch = store.members(open_group(link_id, role), after=after, limit=_BATCH)
            for row in batch:
                yield execution_of(row)
            if len(batch) < _BATCH:
                break
            after = batch[-1].id
