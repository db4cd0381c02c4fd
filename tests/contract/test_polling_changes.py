"""PollingChanges sees what others wrote into the store, in no more time than it was given."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from fakes import ManualClock
from tieline.adapters.memory_store import MemoryStore
from tieline.adapters.polling_changes import TAKE_SECONDS, PollingChanges
from tieline.adapters.system_clock import SystemClock
from tieline.errors import StoreUnavailableError
from tieline.ports import Put, Row


def _write(store: MemoryStore, row_id: str, kind: str = "execution") -> None:
    found = store.get(kind, row_id)
    version = 0 if found is None else found.version
    name = row_id if kind == "setting" else None
    store.write([Put(Row(kind=kind, id=row_id, body="{}", version=version, name=name))])


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    _write(store, "a")
    _write(store, "lock", "setting")
    yield store
    store.close()


def _changes(store: MemoryStore) -> PollingChanges:
    return PollingChanges(store, SystemClock())


def test_first_look_gives_every_key_with_a_row_or_without(store: MemoryStore) -> None:
    watch = _changes(store).watch(["a", "b"])
    assert set(watch.wait(5)) == {"a", "b"}


def test_wait_ends_at_its_timeout_when_nothing_changed(store: MemoryStore) -> None:
    watch = _changes(store).watch(["a"])
    watch.wait(5)
    assert set(watch.wait(0.01)) == set()


@pytest.mark.parametrize(
    ("key", "kind", "row_id"),
    [("a", "execution", "a"), ("new", "execution", "new"), ("setting/lock", "setting", "lock")],
)
def test_wait_gives_what_another_wrote(
    store: MemoryStore, key: str, kind: str, row_id: str
) -> None:
    watch = _changes(store).watch(["a", "new", "setting/lock"])
    watch.wait(5)
    _write(store, row_id, kind)
    assert set(watch.wait(5)) == {key}
    assert set(watch.wait(0)) == set()


def test_wait_sees_a_write_that_comes_while_it_waits(store: MemoryStore) -> None:
    watch = _changes(store).watch(["a"])
    watch.wait(5)
    writer = threading.Timer(0.02, _write, (store, "a"))
    writer.start()
    assert set(watch.wait(30)) == {"a"}
    writer.join()


def test_notice_wakes_who_waits_for_that_key(store: MemoryStore) -> None:
    changes = _changes(store)
    watch = changes.watch(["a"])
    watch.wait(5)
    changes.notify("b")
    changes.notify("a")
    assert set(watch.wait(30)) == {"a"}


def test_notice_ends_a_rest_at_once(store: MemoryStore) -> None:
    changes = _changes(store)
    watch = changes.watch(["a"])
    begun = SystemClock().monotonic()
    off = changes.call_later(0.01, lambda: changes.notify("a"))
    assert set(changes.rest(watch, 5)) == {"a"}
    assert SystemClock().monotonic() - begun < 4
    off()


def test_watch_of_nothing_waits_its_time(store: MemoryStore) -> None:
    assert set(_changes(store).watch([]).wait(0.01)) == set()


class CountingStore(MemoryStore):
    reads = 0

    def get_many(self, kind: str, row_ids: object) -> dict[str, Row]:
        del kind, row_ids
        self.reads += 1
        return {}


def test_take_looks_at_the_store_now_and_then_only() -> None:
    store, clock = CountingStore(), ManualClock()
    watch = PollingChanges(store, clock).watch(["a"])
    assert set(watch.take()) == {"a"}
    for _ in range(100):
        assert not watch.take()
    assert store.reads == 1
    clock.advance(TAKE_SECONDS)
    watch.take()
    assert store.reads == 2


class AwayStore(MemoryStore):
    def get_many(self, kind: str, row_ids: object) -> dict[str, Row]:
        raise StoreUnavailableError("throttled")


def test_store_that_is_away_looks_like_one_without_changes() -> None:
    watch = _changes(AwayStore()).watch(["a"])
    assert not watch.take()
    assert not watch.wait(0)


def test_closed_watch_hears_nothing(store: MemoryStore) -> None:
    changes = _changes(store)
    watch = changes.watch(["a"])
    watch.wait(5)
    watch.close()
    changes.notify("a")
    assert not watch.wait(0)


def test_action_is_called_later_unless_it_was_called_off(store: MemoryStore) -> None:
    changes = _changes(store)
    called: list[str] = []
    done = threading.Event()
    off = changes.call_later(0.01, lambda: called.append("off"))
    off()
    changes.call_later(0.02, done.set)
    assert done.wait(30)
    assert called == []
