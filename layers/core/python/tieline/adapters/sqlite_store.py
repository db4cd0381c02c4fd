"""A store in one SQLite file: durable at every return, shared by threads and processes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tieline.adapters.sqlite_commit import CommitQueue, Ticket
from tieline.adapters.sqlite_readers import ReaderPool
from tieline.adapters.sqlite_rows import COLUMNS, Statement, microseconds, row_of, statement_of
from tieline.adapters.sqlite_schema import connect, open_database
from tieline.errors import ConflictError, StoreUnavailableError
from tieline.ports import Change, Row

BUSY_TIMEOUT_SECONDS = 5.0
"""Other processes (the command line) hold the file for milliseconds; this is a stuck one."""

_SELECT = f"SELECT {COLUMNS} FROM row WHERE"  # noqa: S608 - built of constants
_GET = f"{_SELECT} kind = ? AND id = ?"
_GET_MANY = f"{_SELECT} kind = ? AND id IN (SELECT value FROM json_each(?))"  # noqa: S608 - built of constants
_GET_BY_NAME = f"{_SELECT} kind = ? AND name = ?"
_LISTED = f"{_SELECT} kind = ? AND is_listed = 1"
_LIST = {
    # (newest_first, has a cursor)
    (False, False): f"{_LISTED} ORDER BY id LIMIT ?",
    (False, True): f"{_LISTED} AND id > ? ORDER BY id LIMIT ?",
    (True, False): f"{_LISTED} ORDER BY id DESC LIMIT ?",
    (True, True): f"{_LISTED} AND id < ? ORDER BY id DESC LIMIT ?",
}
_DIRTY_ORDER = "ORDER BY dirty_rank, id, kind LIMIT ?"
_DIRTY = f"{_SELECT} dirty_link = ? {_DIRTY_ORDER}"
_DIRTY_AFTER = f"{_SELECT} dirty_link = ? AND (dirty_rank, id) > (?, ?) {_DIRTY_ORDER}"
_COUNT_DIRTY = "SELECT count(*) FROM row WHERE dirty_link = ?"
_DUE = f"{_SELECT} due_at <= ? ORDER BY due_at, id, kind LIMIT ?"
_CHILDREN = f"{_SELECT} parent_id = ? AND kind = ? ORDER BY id"
_MEMBERS = f"{_SELECT} member_of = ? ORDER BY id, kind LIMIT ?"
_MEMBERS_AFTER = f"{_SELECT} member_of = ? AND id > ? ORDER BY id, kind LIMIT ?"
_COUNT_MEMBERS = "SELECT count(*) FROM row WHERE member_of = ?"


class SqliteStore:
    """The `Store` port by one file in WAL mode; writers share commits, readers never wait.

    `commits` counts the transactions committed here, each one wait for the disk.
    """

    def __init__(
        self,
        path: Path,
        *,
        busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
        max_bytes: int | None = None,
    ) -> None:
        """Opens the file, makes it when there is none, brings an older one up to date.

        Args:
            path: its directory must exist.
            busy_timeout_seconds: how long to wait while another process writes.
            max_bytes: a cap on the file's size; what would grow it further is refused.

        Raises:
            SettingsError: the file cannot be used; says why and what to do.
            StoreUnavailableError: it is locked, or the disk is full.
        """
        self.commits = 0
        self._writer = open_database(path, busy_timeout_seconds)
        if max_bytes is not None:
            (page_bytes,) = self._writer.execute("PRAGMA page_size").fetchone()
            self._writer.execute(f"PRAGMA max_page_count = {max(max_bytes // page_bytes, 1)}")
        self._queue = CommitQueue(self._commit)
        self._readers = ReaderPool(lambda: connect(path, busy_timeout_seconds))

    def get(self, kind: str, row_id: str) -> Row | None:
        """Gives the row, or None when there is none."""
        return next(iter(self._read(_GET, kind, row_id)), None)

    def get_many(self, kind: str, row_ids: Sequence[str]) -> Mapping[str, Row]:
        """Gives the rows that exist, by id."""
        if not row_ids:
            return {}
        return {row.id: row for row in self._read(_GET_MANY, kind, json.dumps(list(row_ids)))}

    def get_by_name(self, kind: str, name: str) -> Row | None:
        """Gives the row of that kind with that name, or None."""
        return next(iter(self._read(_GET_BY_NAME, kind, name)), None)

    def write(self, changes: Sequence[Change]) -> None:
        """Makes all changes or none; durable when it returns.

        Raises:
            ConflictError: as the port says; nothing was changed.
            MalformedError: a text of a row is not Unicode.
        """
        # Translated here, so that a bad value is the problem of its writer, not of the batch.
        statements = [statement_of(change) for change in changes]
        if statements:
            self._queue.submit(statements)

    def list(
        self, kind: str, *, after: str | None = None, limit: int = 100, newest_first: bool = False
    ) -> Sequence[Row]:
        """Gives listed rows of a kind in the order of their ids, beginning behind `after`."""
        cursor = () if after is None else (after,)
        return self._read(_LIST[newest_first, after is not None], kind, *cursor, max(limit, 0))

    def dirty(
        self, link_id: str, *, after: tuple[int, str] | None = None, limit: int = 100
    ) -> Sequence[Row]:
        """Gives rows in a link's dirty set ordered by (rank, id), beginning behind `after`."""
        sql = _DIRTY if after is None else _DIRTY_AFTER
        return self._read(sql, link_id, *(after or ()), max(limit, 0))

    def count_dirty(self, link_id: str) -> int:
        """Counts the rows in a link's dirty set."""
        return sum(count for (count,) in self._select(_COUNT_DIRTY, link_id))

    def due(self, before: datetime, *, limit: int = 100) -> Sequence[Row]:
        """Gives rows whose `due_at` is not later than `before`, earliest first."""
        return self._read(_DUE, microseconds(before), max(limit, 0))

    def children(self, kind: str, parent_id: str) -> Sequence[Row]:
        """Gives the rows of that kind with that parent, in the order of their ids."""
        return self._read(_CHILDREN, parent_id, kind)

    def members(self, group: str, *, after: str | None = None, limit: int = 100) -> Sequence[Row]:
        """Gives the rows in a group in the order of their ids, beginning behind `after`."""
        if after is None:
            return self._read(_MEMBERS, group, max(limit, 0))
        return self._read(_MEMBERS_AFTER, group, after, max(limit, 0))

    def count_members(self, group: str) -> int:
        """Counts the rows in a group."""
        return sum(count for (count,) in self._select(_COUNT_MEMBERS, group))

    def close(self) -> None:
        """Waits for the write under way, then closes; calling it again is harmless.

        The last connection to close, of any process, moves the log into the file and removes it.
        """
        if self._queue.close():
            self._readers.close()
            self._writer.close()

    def _read(self, sql: str, *values: str | int) -> Sequence[Row]:
        return [row_of(found) for found in self._select(sql, *values)]

    def _select(self, sql: str, *values: str | int) -> Sequence[tuple[Any, ...]]:
        try:
            with self._readers.lend() as connection:
                return connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise _unavailable(error) from error
        except UnicodeEncodeError:
            # Such text cannot be stored, so no row has it.
            return []

    def _commit(self, batch: Sequence[Ticket[Sequence[Statement]]]) -> None:
        """Does a batch in one transaction; the disk's failure is everybody's."""
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            for ticket in batch:
                self._run(ticket)
            if all(ticket.error for ticket in batch):
                self._writer.execute("ROLLBACK")
                return
            self._writer.execute("COMMIT")
            self.commits += 1
        except sqlite3.Error as error:
            self._roll_back()
            for ticket in batch:
                # A conflict found meanwhile may have been with a change that is now undone.
                ticket.error = _unavailable(error)
        except BaseException:
            self._roll_back()
            raise

    def _run(self, ticket: Ticket[Sequence[Statement]]) -> None:
        """Does one writer's changes, or undoes them when one of them conflicts."""
        self._writer.execute("SAVEPOINT ticket")
        ticket.error = next(filter(None, map(self._change, ticket.work)), None)
        if ticket.error is not None:
            self._writer.execute("ROLLBACK TO ticket")
        self._writer.execute("RELEASE ticket")

    def _change(self, statement: Statement) -> ConflictError | None:
        try:
            changed = self._writer.execute(statement.sql, statement.values).rowcount
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorname != "SQLITE_CONSTRAINT_UNIQUE":
                raise
            # The row's own key and version are looked at first, so this was its name.
            return ConflictError(statement.kind, statement.id, name_taken=True)
        return None if changed else ConflictError(statement.kind, statement.id)

    def _roll_back(self) -> None:
        # A full disk may have made SQLite roll back by itself.
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")


def _unavailable(error: sqlite3.Error) -> StoreUnavailableError:
    unavailable = StoreUnavailableError(f"the database cannot be used now: {error}")
    unavailable.__cause__ = error
    return unavailable
