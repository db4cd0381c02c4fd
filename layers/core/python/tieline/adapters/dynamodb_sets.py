"""Reads sets of rows from the sparse indexes, and the rows themselves from the table.

An index follows the table a moment later. So an entry only says where to look: the row is
fetched as it is now, and dropped when it is no longer in the set. What this process wrote just
now is looked at as well. What is left is weaker than the port by this much: a row that another
process wrote a moment ago may be missing once, and counts may be off by such rows. The core
takes no harm: a late dirty row is sent with the next post, a late due row run by the next sweep,
and the cap on open executions may be passed by those that came in that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tieline.adapters.dynamodb_calls import KEYS_PER_READ, Calls
from tieline.adapters.dynamodb_recent import RecentWrites
from tieline.adapters.dynamodb_rows import Item, row_of
from tieline.adapters.dynamodb_table import INDEXES
from tieline.adapters.dynamodb_write import row_key
from tieline.ports import Row

Place = tuple[Any, ...]
"""Where a row is in the order of a set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSet:
    """One set: where its index entries are, which rows are in it, in which order.

    `after` and `most` are sort keys of the index: the entries behind one, those up to another.
    """

    index: str
    partition: str
    belongs: Callable[[Row], bool]
    place: Callable[[Row], Place]
    entry_place: Callable[[Item], Place]
    after: str | None = None
    most: int | None = None


def read_set(
    calls: Calls, recent: RecentWrites, wanted: RowSet, limit: int | None
) -> Sequence[Row]:
    """Gives up to `limit` rows of a set in its order, all of them for None."""
    if limit is not None and limit <= 0:
        return []
    found = fetch(calls, recent.keys(wanted.belongs))
    rows: Sequence[Row] = ()
    for entries, is_last in _pages(calls, wanted, limit):
        found |= fetch(calls, [each for each in map(_key, entries) if each not in found])
        # A row that has moved beyond what was read so far is met there, in its place.
        end = None if is_last else wanted.entry_place(entries[-1])
        if limit is not None or is_last:
            rows = _in_order(found.values(), wanted, end)
        if limit is not None and len(rows) >= limit:
            break
    return rows[:limit]


def _in_order(rows: Iterable[Row], wanted: RowSet, end: Place | None) -> Sequence[Row]:
    placed = sorted((wanted.place(row), row.kind, row) for row in rows if wanted.belongs(row))
    return [row for place, _, row in placed if end is None or place <= end]


def count_set(calls: Calls, index: str, partition: str) -> int:
    """Counts the entries of a set in its index."""
    pages = calls.query(**_request(index, partition), Select="COUNT")
    return sum(page["Count"] for page in pages)


def fetch(calls: Calls, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
    """Gives the rows that exist, as they are now."""
    items = calls.get_many([row_key(*key) for key in dict.fromkeys(keys)])
    return {(row.kind, row.id): row for row in map(row_of, items)}


def _pages(
    calls: Calls, wanted: RowSet, limit: int | None
) -> Iterator[tuple[Sequence[Item], bool]]:
    size = KEYS_PER_READ if limit is None else min(limit, KEYS_PER_READ)
    request = _request(wanted.index, wanted.partition, wanted.after, wanted.most)
    for page in calls.query(**request, Limit=size):
        is_last = "LastEvaluatedKey" not in page
        if page["Items"] or is_last:
            yield page["Items"], is_last


def _request(
    index: str, key: str, after: str | None = None, most: int | None = None
) -> Mapping[str, Any]:
    partition, sort = INDEXES[index]
    condition, names = "#partition = :partition", {"#partition": partition}
    values: dict[str, Any] = {":partition": {"S": key}}
    if after is not None:
        condition += " AND #sort > :after"
        names["#sort"], values[":after"] = sort, {"S": after}
    if most is not None:
        condition += " AND #sort <= :most"
        names["#sort"], values[":most"] = sort, {"N": str(most)}
    return {
        "IndexName": index,
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


def _key(entry: Item) -> tuple[str, str]:
    return entry["pk"]["S"], entry["sk"]["S"]
