"""Remembers this process's own latest writes, which an index may not show yet."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from tieline.ports import Change, Put, Row

KEPT_SECONDS = 10.0
"""An index follows its table within a second as a rule; nothing depends on it."""
KEPT_ROWS = 1000


class RecentWrites:
    """Keys of rows just written here, to be looked at beside what an index gives. Thread-safe."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._rows: OrderedDict[tuple[str, str], tuple[float, Row]] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, changes: Sequence[Change]) -> None:
        """Remembers the rows of a write that was made."""
        now = self._monotonic()
        with self._lock:
            for change in changes:
                if isinstance(change, Put):
                    key = (change.row.kind, change.row.id)
                    self._rows[key] = (now, change.row)
                    self._rows.move_to_end(key)
            while self._rows and self._is_old(now):
                self._rows.popitem(last=False)

    def keys(self, belongs: Callable[[Row], bool]) -> Sequence[tuple[str, str]]:
        """Gives the keys of those rows that belonged to a set when they were written."""
        limit = self._monotonic() - KEPT_SECONDS
        with self._lock:
            return [key for key, (at, row) in self._rows.items() if at > limit and belongs(row)]

    def _is_old(self, now: float) -> bool:
        written_at, _ = next(iter(self._rows.values()))
        return len(self._rows) > KEPT_ROWS or written_at <= now - KEPT_SECONDS
