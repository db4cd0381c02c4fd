"""A store in one DynamoDB table; its layout is described in `dynamodb_table`.

Rows and names are read as they are now; sets are read from indexes, which follow a moment later
(`dynamodb_sets` says what that means). A write of one row is one conditional put; several are
one transaction; more than a transaction holds are several (`dynamodb_batches` says why they may
be). What it costs is counted in tests/contract/test_dynamodb_write_units.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tieline.adapters.dynamodb_batches import batches
from tieline.adapters.dynamodb_calls import KEYS_PER_READ, Calls
from tieline.adapters.dynamodb_recent import RecentWrites
from tieline.adapters.dynamodb_rows import (
    check_row,
    dirty_key,
    is_key,
    microseconds,
    moment,
    parent_key,
    row_of,
)
from tieline.adapters.dynamodb_sets import RowSet, count_set, fetch, read_set
from tieline.adapters.dynamodb_table import DIRTY, DUE, DUE_SHARD, MEMBERS, PARENT
from tieline.adapters.dynamodb_write import Plan, marker_key, row_key
from tieline.ports import Change, Put, Row

STAMP_BYTES = 8
"""Tells writes of one row and version apart; two that meet are equal by chance 1 in 2^64."""


class DynamoDbStore:
    """The `Store` port by one table; processes share it, threads as far as the client lets them."""

    def __init__(self, client: Callable[[], Any], table: str) -> None:
        """Takes what gives the client; it is asked at the first call, and every time."""
        self._calls = Calls(client, table)
        self._recent = RecentWrites()

    def get(self, kind: str, row_id: str) -> Row | None:
        """Gives the row as it is now, or None when there is none."""
        if not (is_key(kind) and is_key(row_id)):
            return None
        item = self._calls.get(row_key(kind, row_id))
        return None if item is None else row_of(item)

    def get_many(self, kind: str, row_ids: Sequence[str]) -> Mapping[str, Row]:
        """Gives the rows that exist, by id."""
        keys = [(kind, row_id) for row_id in row_ids if is_key(kind) and is_key(row_id)]
        return {row_id: row for (_, row_id), row in fetch(self._calls, keys).items()}

    def get_by_name(self, kind: str, name: str) -> Row | None:
        """Gives the row of that kind with that name, or None."""
        if not (is_key(kind) and is_key(name)):
            return None
        marker = self._calls.get(marker_key(kind, name))
        row = None if marker is None else self.get(kind, marker["owner"]["S"])
        # Between the two reads the name may have gone to another row.
        return row if row is not None and row.name == name else None

    def write(self, changes: Sequence[Change]) -> None:
        """Makes all changes or none; beyond one transaction as `dynamodb_batches` says.

        Raises:
            ConflictError: as the port says.
            MalformedError: a text of a row cannot be stored.
            TooLargeError: a body is too large; the table was not asked.
        """
        for change in changes:
            if isinstance(change, Put):
                check_row(change.row)
        parts = list(batches(changes))
        for part in parts[:-1]:
            self._write(part, parts[-1][-1])
        for part in parts[-1:]:
            self._write(part)

    def _write(self, changes: Sequence[Change], guard: Change | None = None) -> None:
        plan = Plan(changes, os.urandom(STAMP_BYTES).hex(), guard)
        while True:
            operations = plan.operations()
            reasons = self._calls.write([(each.action, each.arguments) for each in operations])
            if not reasons or plan.is_done(reasons):
                self._recent.note(changes)
                return
            plan.learn(operations, reasons)

    def list(
        self, kind: str, *, after: str | None = None, limit: int = 100, newest_first: bool = False
    ) -> Sequence[Row]:
        """Gives listed rows of a kind in the order of their ids, beginning behind `after`."""
        rows: list[Row] = []
        if limit <= 0 or not is_key(kind):
            return rows
        condition, values = "pk = :kind", {":kind": {"S": kind}}
        if after:
            condition += " AND sk < :after" if newest_first else " AND sk > :after"
            values[":after"] = {"S": after}
        pages = self._calls.query(
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            FilterExpression="attribute_not_exists(unlisted)",
            ScanIndexForward=not newest_first,
            ConsistentRead=True,
            Limit=min(limit, KEYS_PER_READ),
        )
        for page in pages:
            rows += map(row_of, page["Items"])
            if len(rows) >= limit:
                break
        return rows[:limit]

    def dirty(
        self, link_id: str, *, after: tuple[int, str] | None = None, limit: int = 100
    ) -> Sequence[Row]:
        """Gives rows in a link's dirty set ordered by (rank, id), beginning behind `after`."""
        if not is_key(link_id):
            return []
        wanted = RowSet(
            index=DIRTY,
            partition=link_id,
            belongs=lambda row: (
                row.dirty_link == link_id and (not after or (row.dirty_rank, row.id) > after)
            ),
            place=lambda row: (dirty_key(row.dirty_rank, row.id),),
            entry_place=lambda entry: (entry["dirty_key"]["S"],),
            after=None if after is None else dirty_key(*after),
        )
        return read_set(self._calls, self._recent, wanted, limit)

    def count_dirty(self, link_id: str) -> int:
        """Counts the rows in a link's dirty set, as the index has it."""
        return self._count(DIRTY, link_id)

    def due(self, before: datetime, *, limit: int = 100) -> Sequence[Row]:
        """Gives rows whose `due_at` is not later than `before`, earliest first.

        Rows of the very same time are in the order of their ids, but which of them a limit
        leaves out is the index's choice.
        """
        wanted = RowSet(
            index=DUE,
            partition=DUE_SHARD,
            belongs=lambda row: row.due_at is not None and row.due_at <= before,
            place=lambda row: (row.due_at, row.id),
            entry_place=lambda entry: (moment(entry["due_at"]["N"]), "\U0010ffff"),
            most=microseconds(before),
        )
        return read_set(self._calls, self._recent, wanted, limit)

    def children(self, kind: str, parent_id: str) -> Sequence[Row]:
        """Gives the rows of that kind with that parent, in the order of their ids."""
        if not (is_key(kind) and is_key(parent_id)):
            return []
        wanted = RowSet(
            index=PARENT,
            partition=parent_key(kind, parent_id),
            belongs=lambda row: row.kind == kind and row.parent_id == parent_id,
            place=lambda row: (row.id,),
            entry_place=lambda entry: (entry["id"]["S"],),
        )
        return read_set(self._calls, self._recent, wanted, None)

    def members(self, group: str, *, after: str | None = None, limit: int = 100) -> Sequence[Row]:
        """Gives the rows in a group in the order of their ids, beginning behind `after`."""
        if not is_key(group):
            return []
        wanted = RowSet(
            index=MEMBERS,
            partition=group,
            belongs=lambda row: row.group == group and (not after or row.id > after),
            place=lambda row: (row.id,),
            entry_place=lambda entry: (entry["id"]["S"],),
            after=after or None,
        )
        return read_set(self._calls, self._recent, wanted, limit)

    def count_members(self, group: str) -> int:
        """Counts the rows in a group, as the index has it."""
        return self._count(MEMBERS, group)

    def close(self) -> None:
        """Ends the use of this store; calling it again is harmless."""
        self._calls.close()

    def _count(self, index: str, partition: str) -> int:
        return count_set(self._calls, index, partition) if is_key(partition) else 0
