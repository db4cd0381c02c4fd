"""Sees changes by looking at the store, where no hint reaches a waiting process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence

from tieline.errors import TransientError
from tieline.ports import Clock, Store

FIRST_PAUSE_SECONDS = 0.05
PAUSE_GROWTH = 1.5
LONGEST_PAUSE_SECONDS = 2.0
"""A child that takes long is noticed this much later; short ones within the first pauses."""
TAKE_SECONDS = 1.0
"""`take` looks at the store this often only: it is asked with every call of a flow."""

_EXECUTION = "execution"
_SETTING = "setting"
_SETTING_PREFIX = f"{_SETTING}/"
_UNKNOWN = -1


class PollingChanges:
    """The `Changes` port over a store. Thread-safe."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._told = threading.Condition()
        self._watches: set[PollingWatch] = set()

    def watch(self, keys: Sequence[str]) -> PollingWatch:
        """Starts watching; the first look gives every key, since nothing is known before it."""
        watch = PollingWatch(self, keys, self._clock)
        with self._told:
            self._watches.add(watch)
        return watch

    def notify(self, key: str) -> None:
        """Wakes whoever watches that key in this process."""
        with self._told:
            for watch in self._watches:
                if key in watch.keys:
                    watch.told.add(key)
            self._told.notify_all()

    def call_later(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        """Calls `action` in a thread of its own after that time."""
        timer = threading.Timer(seconds, action)
        timer.daemon = True
        timer.start()
        return timer.cancel

    def forget(self, watch: PollingWatch) -> None:
        """Ends a watch."""
        with self._told:
            self._watches.discard(watch)

    def rest(self, watch: PollingWatch, seconds: float) -> Collection[str]:
        """Waits that long or until a key of the watch is notified; gives the notified keys."""
        with self._told:
            self._told.wait_for(lambda: bool(watch.told), max(0.0, seconds))
            told, watch.told = watch.told, set()
            return told

    def versions(self, keys: Collection[str]) -> Mapping[str, int] | None:
        """Gives the stored version per key, 0 where there is no row; None when it cannot look."""
        ids = [key for key in keys if not key.startswith(_SETTING_PREFIX)]
        names = [key for key in keys if key.startswith(_SETTING_PREFIX)]
        found = dict.fromkeys(keys, 0)
        try:
            if ids:
                rows = self._store.get_many(_EXECUTION, ids)
                found |= {row_id: row.version for row_id, row in rows.items()}
            for name in names:
                row = self._store.get_by_name(_SETTING, name.removeprefix(_SETTING_PREFIX))
                found[name] = 0 if row is None else row.version
        except TransientError:
            return None
        return found


class PollingWatch:
    """One interest in some keys."""

    def __init__(self, changes: PollingChanges, keys: Sequence[str], clock: Clock) -> None:
        self.keys = frozenset(keys)
        self.told: set[str] = set()
        self._changes = changes
        self._clock = clock
        self._seen = dict.fromkeys(self.keys, _UNKNOWN)
        self._take_at = 0.0

    def wait(self, timeout_seconds: float | None) -> Collection[str]:
        """Gives the keys that changed, looking less and less often; none at the timeout."""
        begun = self._clock.monotonic()
        pause = FIRST_PAUSE_SECONDS
        changed = self._look()
        while not changed:
            left = pause
            if timeout_seconds is not None:
                left = min(pause, begun + timeout_seconds - self._clock.monotonic())
                if left <= 0:
                    return ()
            changed = {*self._changes.rest(self, left), *self._look()}
            pause = min(pause * PAUSE_GROWTH, LONGEST_PAUSE_SECONDS)
        return changed

    def take(self) -> Collection[str]:
        """Gives what changed, as of a look at the store not long ago."""
        told = set(self._changes.rest(self, 0))
        now = self._clock.monotonic()
        if now < self._take_at:
            return told
        self._take_at = now + TAKE_SECONDS
        return told | self._look()

    def close(self) -> None:
        """Ends the interest."""
        self._changes.forget(self)

    def _look(self) -> set[str]:
        versions = self._changes.versions(self.keys) if self.keys else {}
        if versions is None:
            return set()
        changed = {key for key, version in versions.items() if version != self._seen[key]}
        self._seen.update(versions)
        return changed
