"""Divides a write that is too large for one transaction.

A transaction of DynamoDB holds 100 operations and 4 MB. A larger write is made in several, each
of which also checks the version of the last change's row. So a write that is late changes
nothing; only a crash, or another write in between, leaves its beginning made and its end not.

The core makes so large a write in one case, when a full post is applied. There this does no harm
(docs/protocol.md §3): the last row is the link's, by which the post counts as received and its
epoch as valid; a beginning that was made is found made when the post is applied again. Rows that
belong together stay together: those whose ids are equal up to the first slash, such as an
execution and the pieces of its log.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tieline.ports import Change, Put

MAX_OPERATIONS = 99
"""A transaction has 100 operations (AWS, "Quotas in Amazon DynamoDB"); one is the check."""
MAX_BYTES = 3 * 1024 * 1024
"""Bodies in one transaction; 4 MB with keys and the request around them (same source)."""


def batches(changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    """Gives the changes in parts that fit a transaction each; one part when they fit one."""
    part: list[Change] = []
    for group in _groups(changes):
        if part and not _fits([*part, *group]):
            yield part
            part = []
        part = [*part, *group]
    if part:
        yield part


def _fits(changes: Sequence[Change]) -> bool:
    if sum(map(_most_operations, changes)) > MAX_OPERATIONS:
        return False
    return sum(_bytes(change) for change in changes) <= MAX_BYTES


def _most_operations(change: Change) -> int:
    """Counts the row and the names it may give up and take."""
    if not isinstance(change, Put):
        return 2
    if change.row.name is None:
        return 1
    return 3 if change.row.version else 2


def _bytes(change: Change) -> int:
    return len(change.row.body.encode()) if isinstance(change, Put) else 0


def _groups(changes: Sequence[Change]) -> Sequence[Sequence[Change]]:
    """Gives the changes by the stem of their ids, in the order of the first of each."""
    groups: dict[str, list[Change]] = {}
    for change in changes:
        row_id = change.row.id if isinstance(change, Put) else change.id
        groups.setdefault(row_id.split("/", 1)[0], []).append(change)
    return list(groups.values())
