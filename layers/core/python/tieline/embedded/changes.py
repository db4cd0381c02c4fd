"""Wakes threads that wait for a change, without polling."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Collection, Sequence


class ThreadChanges:
    """The `Changes` port for threads of one process. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watches: dict[str, set[ThreadWatch]] = {}
        self._alarms = _Alarms()

    def watch(self, keys: Sequence[str]) -> ThreadWatch:
        """Starts watching some keys; see `ports.Changes`."""
        watch = ThreadWatch(self, keys)
        with self._lock:
            for key in watch.keys:
                self._watches.setdefault(key, set()).add(watch)
        return watch

    def notify(self, key: str) -> None:
        """Wakes whoever watches that key."""
        with self._lock:
            for watch in self._watches.get(key, ()):
                watch.tell((key,))

    def notify_all(self) -> None:
        """Wakes everybody, after changes of which nobody knows what they were."""
        with self._lock:
            for watches in self._watches.values():
                for watch in watches:
                    watch.tell(watch.keys)

    def forget(self, watch: ThreadWatch) -> None:
        """Ends a watch."""
        with self._lock:
            for key in watch.keys:
                watches = self._watches.get(key)
                if watches is not None:
                    watches.discard(watch)
                    if not watches:
                        del self._watches[key]

    def call_later(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        """Calls `action` on the alarm thread; it must not take long."""
        return self._alarms.add(seconds, action)

    def close(self) -> None:
        """Ends the alarm thread; alarms not yet rung never ring."""
        self._alarms.close()


class ThreadWatch:
    """One interest in some keys."""

    def __init__(self, changes: ThreadChanges, keys: Sequence[str]) -> None:
        self.keys = frozenset(keys)
        self._changes = changes
        self._event = threading.Event()
        self._changed: set[str] = set()

    def tell(self, keys: Collection[str]) -> None:
        """Notes changes; called with the lock of the changes held."""
        self._changed.update(keys)
        self._event.set()

    def wait(self, timeout_seconds: float | None) -> Collection[str]:
        """Gives the keys that changed since the last call, none at the timeout."""
        self._event.wait(timeout_seconds)
        return self.take()

    def take(self) -> Collection[str]:
        """Gives the keys that changed since the last call, without waiting."""
        self._event.clear()
        changed, self._changed = self._changed, set()
        return changed

    def close(self) -> None:
        """Ends the interest."""
        self._changes.forget(self)


class _Alarms:
    """One thread for all alarms, started with the first."""

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._called_off: set[int] = set()
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def add(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        """Plans a call; gives a function that calls it off."""
        with self._wake:
            number = next(self._numbers)
            heapq.heappush(self._heap, (time.monotonic() + seconds, number, action))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)
                self._thread.start()
            self._wake.notify()

        def call_off() -> None:
            with self._wake:
                self._called_off.add(number)

        return call_off

    def close(self) -> None:
        """Ends the thread."""
        with self._wake:
            self._is_closed = True
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                action = self._next()
                if self._is_closed:
                    return
            if action is not None:
                action()

    def _next(self) -> Callable[[], None] | None:
        """Waits for the next alarm; None when only the plan changed."""
        left = self._heap[0][0] - time.monotonic() if self._heap else None
        if left is None or left > 0:
            self._wake.wait(left)
            return None
        _, number, action = heapq.heappop(self._heap)
        if number in self._called_off:
            self._called_off.discard(number)
            return None
        return action
