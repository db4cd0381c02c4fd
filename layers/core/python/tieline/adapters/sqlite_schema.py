"""The database file: made private, and brought to the schema that this version knows."""

from __future__ import annotations

import fcntl
import os
import shlex
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tieline.errors import SettingsError, StoreUnavailableError

Step = Sequence[str]

STEPS: Sequence[Step] = (
    # 1: Partial indexes hold only the rows that are in them, so a long history costs the queries
    # of open work nothing. Ordinary rowid tables: bodies are larger than a fraction of a page, and
    # measured writes were 10 % faster than WITHOUT ROWID.
    (
        """
        CREATE TABLE row (
            kind TEXT NOT NULL,
            id TEXT NOT NULL,
            version INTEGER NOT NULL,
            name TEXT,
            dirty_link TEXT,
            dirty_rank INTEGER NOT NULL,
            due_at INTEGER,
            parent_id TEXT,
            member_of TEXT,
            is_listed INTEGER NOT NULL,
            body TEXT NOT NULL,
            PRIMARY KEY (kind, id)
        ) STRICT
        """,
        "CREATE UNIQUE INDEX row_name ON row (kind, name) WHERE name IS NOT NULL",
        "CREATE INDEX row_listed ON row (kind, id) WHERE is_listed = 1",
        """
        CREATE INDEX row_dirty ON row (dirty_link, dirty_rank, id, kind)
        WHERE dirty_link IS NOT NULL
        """,
        "CREATE INDEX row_due ON row (due_at, id, kind) WHERE due_at IS NOT NULL",
        "CREATE INDEX row_parent ON row (parent_id, kind, id) WHERE parent_id IS NOT NULL",
        "CREATE INDEX row_member ON row (member_of, id, kind) WHERE member_of IS NOT NULL",
    ),
)
"""What each schema version added to the one before; `PRAGMA user_version` counts them."""

PASSING = ("SQLITE_BUSY", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_LOCKED")
"""Beginnings of result codes that may be gone at the next try (sqlite.org, Result Codes)."""


def connect(path: Path, busy_timeout_seconds: float) -> sqlite3.Connection:
    """Gives a connection that any one thread at a time may use; never makes the file."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=busy_timeout_seconds,
        isolation_level=None,
        check_same_thread=False,
    )
    # An acknowledged write survives a power loss (docs/protocol.md §3 rule 9).
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def open_database(path: Path, busy_timeout_seconds: float) -> sqlite3.Connection:
    """Gives the writing connection of a database that is private, in WAL mode and up to date.

    Raises:
        SettingsError: the path cannot be used, others may read the file, it is no database, or
            a newer Tieline wrote it.
        StoreUnavailableError: another process has it locked, or the disk is full.
    """
    try:
        with _opening_alone(path.parent):
            _make_private_file(path)
            return _prepare(path, busy_timeout_seconds)
    except OSError as error:
        raise SettingsError(f"database {path} cannot be opened: {error.strerror}") from error
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "").startswith(PASSING):
            raise StoreUnavailableError(f"database {path} cannot be opened: {error}") from error
        raise SettingsError(f"{path} is not a usable database of Tieline: {error}") from error


def migrate(connection: sqlite3.Connection, steps: Sequence[Step] = STEPS) -> None:
    """Brings the schema to the last of `steps`, wholly or not at all.

    Raises:
        SettingsError: the file has more steps than we know; names both versions.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found > len(steps):
            raise SettingsError(
                f"the database has schema version {found}, this Tieline knows {len(steps)}:"
                " install the newer Tieline that wrote it"
            )
        for step in steps[found:]:
            for statement in step:
                connection.execute(statement)
        if found < len(steps):
            connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _prepare(path: Path, busy_timeout_seconds: float) -> sqlite3.Connection:
    connection = connect(path, busy_timeout_seconds)
    try:
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise SettingsError(f"database {path}: its file system cannot hold a write-ahead log")
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _opening_alone(directory: Path) -> Iterator[None]:
    """Lets one process or thread at a time open a database of that directory.

    SQLite answers "locked" without waiting when two switch a new file to WAL at once. The
    directory is locked, not the file: closing any descriptor of the file would drop the locks
    that SQLite holds on it in this process.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _make_private_file(path: Path) -> None:
    """Makes the file for its owner alone, or checks that it is; SQLite's side files follow it."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            cure = f"chmod 600 {shlex.quote(str(path))}"
            raise SettingsError(f"database {path} is open to others: {cure}") from None
