"""What MemoryStore offers to simulations beyond the port."""

from __future__ import annotations

import pytest

from contract.store_rows import ids, put_all, row
from tieline.adapters.memory_store import MemoryStore
from tieline.errors import StoreUnavailableError


def test_refused_writes_fail_and_change_nothing_until_told_otherwise() -> None:
    store = MemoryStore()
    store.refuse_writes(StoreUnavailableError("the disk is full"))
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="the disk is full"):
            put_all(store, [row("a")])
    assert store.list("thing") == []
    store.refuse_writes(None)
    put_all(store, [row("a")])
    assert ids(store.list("thing")) == ["a"]


def test_copy_and_original_go_their_own_ways() -> None:
    store = MemoryStore()
    put_all(store, [row("a", name="x")])
    backup = store.copy()
    put_all(store, [row("a", version=1, name="y"), row("b")])
    put_all(backup, [row("c", name="y")])
    assert ids(store.list("thing")) == ["a", "b"]
    assert ids(backup.list("thing")) == ["a", "c"]
    assert backup.get_by_name("thing", "x") == backup.get("thing", "a")


def test_copy_of_a_closed_store_is_open() -> None:
    store = MemoryStore()
    put_all(store, [row("a")])
    store.close()
    assert ids(store.copy().list("thing")) == ["a"]
