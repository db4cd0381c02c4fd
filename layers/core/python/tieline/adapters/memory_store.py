"""A store in memory: for simulations, tests and trials; nothing outlives the process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

from tieline.errors import ConflictError, MalformedError, StoreUnavailableError, TransientError
from tieline.ports import Change, Delete, Put, Row

Key = tuple[str, str]
Rows = list[Row]  # inside the class, `list` is the port's method


class MemoryStore:
    """The `Store` port by dictionaries; threads may share it.

    Rows are frozen values, so handing out the stored one hands out nothing that can be changed.
    """

    def __init__(self) -> None:
        self._rows: dict[Key, Row] = {}
        self._names: dict[Key, str] = {}
        self._lock = threading.Lock()
        self._refusal: TransientError | None = None
        self._is_closed = False

    def refuse_writes(self, error: TransientError | None) -> None:
        """Lets every write fail with `error` from now on, as a full disk would; None ends it."""
        self._refusal = error

    def copy(self) -> MemoryStore:
        """Gives another, open store with the same rows, as a restored backup has them."""
        twin = MemoryStore()
        with self._lock:
            twin._rows = dict(self._rows)
            twin._names = dict(self._names)
        return twin

    def get(self, kind: str, row_id: str) -> Row | None:
        """Gives the row, or None when there is none."""
        with self._lock:
            self._check_open()
            return self._rows.get((kind, row_id))

    def get_many(self, kind: str, row_ids: Sequence[str]) -> Mapping[str, Row]:
        """Gives the rows that exist, by id."""
        with self._lock:
            self._check_open()
            found = ((row_id, self._rows.get((kind, row_id))) for row_id in row_ids)
            return {row_id: row for row_id, row in found if row is not None}

    def get_by_name(self, kind: str, name: str) -> Row | None:
        """Gives the row of that kind with that name, or None."""
        with self._lock:
            self._check_open()
            row_id = self._names.get((kind, name))
            return None if row_id is None else self._rows[kind, row_id]

    def write(self, changes: Sequence[Change]) -> None:
        """Makes all changes or none.

        Raises:
            ConflictError: as the port says; nothing was changed.
            MalformedError: a text of a row is not Unicode.
        """
        checked = [_checked(change) for change in changes]
        with self._lock:
            self._check_open()
            if self._refusal is not None:
                raise self._refusal.with_traceback(None)
            self._apply_all(checked)

    def list(
        self, kind: str, *, after: str | None = None, limit: int = 100, newest_first: bool = False
    ) -> Sequence[Row]:
        """Gives listed rows of a kind in the order of their ids, beginning behind `after`."""
        rows = self._select(lambda row: row.kind == kind and row.is_listed)
        rows.sort(key=lambda row: row.id, reverse=newest_first)
        if after is not None:
            rows = [row for row in rows if (row.id < after if newest_first else row.id > after)]
        return _first(rows, limit)

    def dirty(
        self, link_id: str, *, after: tuple[int, str] | None = None, limit: int = 100
    ) -> Sequence[Row]:
        """Gives rows in a link's dirty set ordered by (rank, id), beginning behind `after`."""
        rows = self._select(lambda row: row.dirty_link == link_id)
        rows.sort(key=lambda row: (row.dirty_rank, row.id, row.kind))
        return _first((row for row in rows if not after or (row.dirty_rank, row.id) > after), limit)

    def count_dirty(self, link_id: str) -> int:
        """Counts the rows in a link's dirty set."""
        return len(self._select(lambda row: row.dirty_link == link_id))

    def due(self, before: datetime, *, limit: int = 100) -> Sequence[Row]:
        """Gives rows whose `due_at` is not later than `before`, earliest first."""
        timed = ((row.due_at, row) for row in self._select(lambda row: row.due_at is not None))
        due = [(at, row) for at, row in timed if at is not None and at <= before]
        due.sort(key=lambda each: (each[0], each[1].id, each[1].kind))
        return _first((row for _, row in due), limit)

    def children(self, kind: str, parent_id: str) -> Sequence[Row]:
        """Gives the rows of that kind with that parent, in the order of their ids."""
        rows = self._select(lambda row: row.kind == kind and row.parent_id == parent_id)
        return sorted(rows, key=lambda row: row.id)

    def members(self, group: str, *, after: str | None = None, limit: int = 100) -> Sequence[Row]:
        """Gives the rows in a group in the order of their ids, beginning behind `after`."""
        rows = self._select(lambda row: row.group == group)
        rows.sort(key=lambda row: (row.id, row.kind))
        return _first((row for row in rows if after is None or row.id > after), limit)

    def count_members(self, group: str) -> int:
        """Counts the rows in a group."""
        return len(self._select(lambda row: row.group == group))

    def close(self) -> None:
        """Ends the use of this store; calling it again is harmless."""
        self._is_closed = True

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreUnavailableError("the store is closed")

    def _select(self, belongs: Callable[[Row], bool]) -> Rows:
        with self._lock:
            self._check_open()
            return [row for row in self._rows.values() if belongs(row)]

    def _apply_all(self, changes: Sequence[Change]) -> None:
        undo: list[tuple[Key, Row | None]] = []
        try:
            for change in changes:
                key, row = self._decide(change)
                undo.append((key, self._rows.get(key)))
                self._place(key, row)
        except ConflictError:
            for key, row in reversed(undo):
                self._place(key, row)
            raise

    def _decide(self, change: Change) -> tuple[Key, Row | None]:
        """Gives the row to place, None to remove; raises when the stored one is another."""
        wanted = change.row if isinstance(change, Put) else change
        key = (wanted.kind, wanted.id)
        stored = self._rows.get(key)
        if isinstance(change, Delete):
            if stored is None or stored.version != change.version:
                raise ConflictError(*key)
            return key, None
        row = change.row
        if row.version != (0 if stored is None else stored.version):
            raise ConflictError(*key)
        if row.name is not None and self._names.get((row.kind, row.name), row.id) != row.id:
            raise ConflictError(*key, name_taken=True)
        return key, replace(row, version=row.version + 1)

    def _place(self, key: Key, row: Row | None) -> None:
        old = self._rows.pop(key, None)
        if old is not None and old.name is not None:
            del self._names[old.kind, old.name]
        if row is not None:
            self._rows[key] = row
            if row.name is not None:
                self._names[row.kind, row.name] = row.id


def _checked(change: Change) -> Change:
    """Gives the change as it can be stored: text is Unicode, times are UTC."""
    if isinstance(change, Delete):
        return change
    row = change.row
    texts = (row.kind, row.id, row.body, row.name, row.dirty_link, row.parent_id, row.group)
    try:
        "".join(text for text in texts if text is not None).encode()
    except UnicodeEncodeError as error:
        raise MalformedError(f"{row.kind} row has text that is not Unicode") from error
    if row.due_at is None:
        return change
    if row.due_at.tzinfo is None:
        raise TypeError("due_at must be an aware time")
    return Put(replace(row, due_at=row.due_at.astimezone(UTC)))


def _first(rows: Iterable[Row], limit: int) -> Rows:
    return list(islice(rows, max(limit, 0)))
