"""Rows as SQL and back: the statement of a change, the row of a result."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tieline.errors import MalformedError
from tieline.ports import Change, Delete, Put, Row

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

COLUMNS = (
    "kind, id, body, version, name, dirty_link, dirty_rank, due_at, parent_id, member_of, is_listed"
)
"""In the order in which `row_of` takes them."""

_INSERT = f"""
INSERT INTO row ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (kind, id) DO NOTHING
"""  # noqa: S608 - built of constants
_UPDATE = """
UPDATE row SET body = ?, version = ?, name = ?, dirty_link = ?, dirty_rank = ?, due_at = ?,
    parent_id = ?, member_of = ?, is_listed = ?
WHERE kind = ? AND id = ? AND version = ?
"""
_DELETE = "DELETE FROM row WHERE kind = ? AND id = ? AND version = ?"

_Values = tuple[str | int | None, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A change as SQL; it changes one row, or none when the stored version is another."""

    kind: str
    id: str
    sql: str
    values: _Values


def statement_of(change: Change) -> Statement:
    """Gives the statement that makes the change.

    Raises:
        MalformedError: a text of the row is not Unicode.
    """
    if isinstance(change, Delete):
        key = (change.kind, change.id, change.version)
        return Statement(change.kind, change.id, _DELETE, key)
    return _put(change)


def _put(change: Put) -> Statement:
    row = change.row
    due_at = None if row.due_at is None else microseconds(row.due_at)
    content = (
        row.body,
        row.version + 1,
        row.name,
        row.dirty_link,
        row.dirty_rank,
        due_at,
        row.parent_id,
        row.group,
        int(row.is_listed),
    )
    _check_text(row.kind, row.id, row.body, row.name, row.dirty_link, row.parent_id, row.group)
    if row.version == 0:
        return Statement(row.kind, row.id, _INSERT, (row.kind, row.id, *content))
    return Statement(row.kind, row.id, _UPDATE, (*content, row.kind, row.id, row.version))


def _check_text(kind: str, *texts: str | None) -> None:
    try:
        "".join(text for text in (kind, *texts) if text is not None).encode()
    except UnicodeEncodeError as error:
        raise MalformedError(f"{kind!a} row has text that is not Unicode") from error


def row_of(values: tuple[Any, ...]) -> Row:
    """Gives the row from its columns, in the order of `COLUMNS`."""
    kind, row_id, body, version, *indexed = values
    name, dirty_link, dirty_rank, due_at, parent_id, group, is_listed = indexed
    return Row(
        kind=kind,
        id=row_id,
        body=body,
        version=version,
        name=name,
        dirty_link=dirty_link,
        dirty_rank=dirty_rank,
        due_at=None if due_at is None else _EPOCH + due_at * _MICROSECOND,
        parent_id=parent_id,
        group=group,
        is_listed=is_listed == 1,
    )


def microseconds(moment: datetime) -> int:
    """Gives the microseconds since 1970; exact, unlike a float of seconds."""
    return (moment - _EPOCH) // _MICROSECOND
