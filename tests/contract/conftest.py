"""Every adapter of a port, by name; a suite that takes the fixture runs over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from contract.aws import (
    ENVIRONMENT,
    REAL_DYNAMODB,
    local_cloud,
    open_keys,
    open_real_store,
    open_store,
    real_client,
)
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
    "dynamodb": lambda directory: open_store(),
}
if REAL_DYNAMODB:
    STORES["dynamodb-real"] = lambda directory: open_real_store(real_client(str(REAL_DYNAMODB)))
KEYS: dict[str, Callable[[Path], Keys]] = {
    "memory": lambda directory: MemoryKeys(),
    "keyfile": lambda directory: KeyfileKeys(directory / "keys"),
    "secretsmanager": lambda directory: open_keys(),
}
IN_THE_CLOUD = {"dynamodb", "secretsmanager"}

_SIZE = "an item has 400 KB; test_dynamodb_store shows that a larger body is refused"
_THREADS = "moto is not thread-safe"
CANNOT: Mapping[tuple[str, str], str] = {
    ("dynamodb", "test_large_body_is_kept"): _SIZE,
    ("dynamodb-real", "test_large_body_is_kept"): _SIZE,
    ("dynamodb", "test_get_many_takes_more_ids_than_a_statement_has_places"): (
        "moto copies the table with every transaction; test_dynamodb_store reads 250"
    ),
    ("dynamodb", "test_threads_that_count_in_one_row_lose_no_update"): _THREADS,
    ("dynamodb", "test_one_of_many_threads_that_create_the_same_row_wins"): _THREADS,
    ("dynamodb", "test_thread_reads_what_it_has_just_written"): _THREADS,
}
"""What an adapter cannot show here, by adapter and test, and why."""


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with local_cloud():
        yield


def _prepare(request: pytest.FixtureRequest) -> None:
    reason = CANNOT.get((request.param, request.function.__name__))
    if reason:
        pytest.skip(reason)
    if request.param in IN_THE_CLOUD:
        request.getfixturevalue("cloud")


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    _prepare(request)
    opened = STORES[request.param](tmp_path)
    yield opened
    opened.close()


@pytest.fixture(params=KEYS)
def keys(request: pytest.FixtureRequest, tmp_path: Path) -> Keys:
    _prepare(request)
    return KEYS[request.param](tmp_path)


@pytest.fixture(scope="session")
def pem() -> bytes:
    # The smallest size that is allowed: it is the quickest to make.
    return generate_private_key(2048)


@pytest.fixture(scope="session")
def other_pem() -> bytes:
    return generate_private_key(2048)
