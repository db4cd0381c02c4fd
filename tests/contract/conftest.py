"""Every adapter of a port, by name; a suite that takes the fixture runs over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tieline.adapters.keyfile_keys import KeyfileKeys
from tieline.adapters.memory_keys import MemoryKeys
from tieline.adapters.memory_store import MemoryStore
from tieline.adapters.sqlite_store import SqliteStore
from tieline.ports import Keys, Store
from tieline.protocol.keys import generate_private_key

# An adapter joins the suites with one line here: how to open an empty one, given a directory.
STORES: dict[str, Callable[[Path], Store]] = {
    "memory": lambda directory: MemoryStore(),
    "sqlite": lambda directory: SqliteStore(directory / "store.db"),
}
KEYS: dict[str, Callable[[Path], Keys]] = {
    "memory": lambda directory: MemoryKeys(),
    "keyfile": lambda directory: KeyfileKeys(directory / "keys"),
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = STORES[request.param](tmp_path)
    yield opened
    opened.close()


@pytest.fixture(params=KEYS)
def keys(request: pytest.FixtureRequest, tmp_path: Path) -> Keys:
    return KEYS[request.param](tmp_path)


@pytest.fixture(scope="session")
def pem() -> bytes:
    # The smallest size that is allowed: it is the quickest to make.
    return generate_private_key(2048)


@pytest.fixture(scope="session")
def other_pem() -> bytes:
    return generate_private_key(2048)
