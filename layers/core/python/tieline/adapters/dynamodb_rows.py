"""Rows as DynamoDB items and back, and how large an item is."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tieline.adapters.dynamodb_table import DUE_SHARD
from tieline.errors import MalformedError, TooLargeError
from tieline.ports import Row

Item = Mapping[str, Mapping[str, Any]]
"""Attributes in the wire's form: name, then type, then value."""

MAX_BODY_BYTES = 350 * 1024
"""An item has 400 KB at most (AWS, "Quotas in Amazon DynamoDB"); the rest is for its keys."""
MAX_KEY_BYTES = 1024
"""Longest sort key (same source); a partition key may have twice as much."""
UNIT_BYTES = 1024
"""What one write unit writes (AWS, "Read/write capacity mode")."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def item_of(row: Row, stamp: str) -> dict[str, dict[str, Any]]:
    """Gives the item that stores the row, one version higher than it was read.

    Args:
        stamp: unique to this write, so that its writer knows it again.
    """
    item: dict[str, dict[str, Any]] = {
        "pk": {"S": row.kind},
        "sk": {"S": row.id},
        "row_version": {"N": str(row.version + 1)},
        "stamp": {"S": stamp},
        **_places(row),
    }
    if row.name is not None:
        item["unique_name"] = {"S": row.name}
    if not row.is_listed:
        item["unlisted"] = {"BOOL": True}
    return _with_body(item, row.body)


def _places(row: Row) -> dict[str, dict[str, str]]:
    """Gives the keys of the indexes that the row is in."""
    places: dict[str, dict[str, str]] = {}
    if row.dirty_link is not None:
        places["dirty_link"] = {"S": row.dirty_link}
        places["dirty_key"] = {"S": dirty_key(row.dirty_rank, row.id)}
    elif row.dirty_rank:
        places["dirty_rank"] = {"N": str(row.dirty_rank)}
    if row.due_at is not None:
        places["due_shard"] = {"S": DUE_SHARD}
        places["due_at"] = {"N": str(microseconds(row.due_at))}
    if row.parent_id is not None:
        places["parent_key"] = {"S": parent_key(row.kind, row.parent_id)}
    if row.group is not None:
        places["member_of"] = {"S": row.group}
    if row.parent_id is not None or row.group is not None:
        places["id"] = {"S": row.id}
    return places


def _with_body(item: dict[str, dict[str, Any]], body: str) -> dict[str, dict[str, Any]]:
    """Adds the body as text, or deflated when that makes every write of it cheaper."""
    plain = {**item, "body": {"S": body}}
    if write_units(plain) > 1:
        small = {**item, "body_z": {"B": zlib.compress(body.encode())}}
        if write_units(small) < write_units(plain):
            return small
    return plain


def row_of(item: Item) -> Row:
    """Gives the row that an item stores."""
    kind, row_id = item["pk"]["S"], item["sk"]["S"]
    parent = _text(item, "parent_key")
    due_at = item.get("due_at")
    dirty = _text(item, "dirty_key")
    rank = dirty.split("#", 1)[0] if dirty else item.get("dirty_rank", {"N": "0"})["N"]
    return Row(
        kind=kind,
        id=row_id,
        body=_body(item),
        version=version_of(item),
        name=_text(item, "unique_name"),
        dirty_link=_text(item, "dirty_link"),
        dirty_rank=int(rank),
        due_at=None if due_at is None else moment(due_at["N"]),
        parent_id=None if parent is None else parent[len(kind) + 1 :],
        group=_text(item, "member_of"),
        is_listed="unlisted" not in item,
    )


def _text(item: Item, attribute: str) -> str | None:
    found = item.get(attribute)
    return None if found is None else str(found["S"])


def _body(item: Item) -> str:
    if "body_z" in item:
        return zlib.decompress(bytes(item["body_z"]["B"])).decode()
    return str(item["body"]["S"])


def version_of(item: Item) -> int:
    """Gives the stored version."""
    return int(item["row_version"]["N"])


def name_of(item: Item) -> str | None:
    """Gives the name that the stored row has."""
    return _text(item, "unique_name")


def dirty_key(rank: int, row_id: str) -> str:
    """Gives the sort key of the dirty set: ordered by rank, then id."""
    return f"{rank:02d}#{row_id}"


def parent_key(kind: str, parent_id: str) -> str:
    """Gives the partition of a parent's children of one kind."""
    return f"{kind}#{parent_id}"


def microseconds(at: datetime) -> int:
    """Gives the microseconds since 1970; exact, unlike a float of seconds."""
    return (at - _EPOCH) // _MICROSECOND


def moment(number: str) -> datetime:
    """Gives the time of a number of microseconds since 1970."""
    return _EPOCH + int(number) * _MICROSECOND


def is_key(text: str) -> bool:
    """Tells whether DynamoDB takes the text as a key; under another nothing is stored."""
    try:
        return 0 < len(text.encode()) <= MAX_KEY_BYTES
    except UnicodeEncodeError:
        return False


def check_row(row: Row) -> None:
    """Accepts a row that can be stored.

    Raises:
        MalformedError: a text is not Unicode, or empty or too long where it is a key.
        TooLargeError: the body is over `MAX_BODY_BYTES`.
        TypeError: the due time has no zone.
    """
    if row.due_at is not None and row.due_at.tzinfo is None:
        raise TypeError("due_at must be an aware time")
    keys = (row.kind, row.id, row.name, row.dirty_link, row.parent_id, row.group)
    if not all(is_key(each) for each in keys if each is not None):
        raise MalformedError(f"{row.kind!a} row has a key that is empty, too long or not Unicode")
    try:
        size = len(row.body.encode())
    except UnicodeEncodeError as error:
        raise MalformedError(f"{row.kind!a} row has text that is not Unicode") from error
    if size > MAX_BODY_BYTES:
        raise TooLargeError(f"{row.kind} {row.id} has {size} bytes, {MAX_BODY_BYTES} can be stored")


def item_bytes(item: Item) -> int:
    """Gives the size of an item (AWS, "DynamoDB item sizes and formats")."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    kind, content = next(iter(value.items()))
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return len(content) // 2 + 2
    return len(content) if kind == "B" else 1


def write_units(item: Item) -> int:
    """Gives what writing the item costs outside a transaction, without its indexes."""
    return -(-item_bytes(item) // UNIT_BYTES)
