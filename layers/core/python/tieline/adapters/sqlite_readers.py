"""A few connections for reading, lent to whichever thread asks."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tieline.errors import StoreUnavailableError

IDLE_LIMIT = 4
"""Connections kept open: each holds two descriptors and up to 2 MB of cache; making one takes
about 0.2 ms, so more readers at once than this still work, only a little slower."""


class ReaderPool:
    """Lends connections; they belong to no thread, so ended threads leave none behind."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._is_closed = False

    @contextmanager
    def lend(self) -> Iterator[sqlite3.Connection]:
        """Gives a connection for the length of the block.

        Raises:
            StoreUnavailableError: the pool is closed.
            sqlite3.Error: it cannot be opened.
        """
        connection = self._take() or self._open()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._give_back(connection)

    def close(self) -> None:
        """Closes what is idle now, and what is lent when it comes back."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> sqlite3.Connection | None:
        with self._lock:
            if self._is_closed:
                raise StoreUnavailableError("the store is closed")
            # The last one given back: its cache is the warmest.
            return self._idle.pop() if self._idle else None

    def _open(self) -> sqlite3.Connection:
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            is_kept = not self._is_closed and len(self._idle) < IDLE_LIMIT
            if is_kept:
                self._idle.append(connection)
        if not is_kept:
            connection.close()
