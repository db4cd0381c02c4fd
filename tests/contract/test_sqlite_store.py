"""What SqliteStore promises beyond the port: durability, sharing, cost, one private file."""

from __future__ import annotations

import fcntl
import itertools
import os
import resource
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from contract.store_rows import ids, increment, put_all, row, stored
from tieline.adapters import sqlite_store
from tieline.adapters.sqlite_readers import IDLE_LIMIT
from tieline.adapters.sqlite_schema import STEPS, migrate
from tieline.adapters.sqlite_store import SqliteStore
from tieline.errors import ConflictError, SettingsError, StoreUnavailableError
from tieline.ports import Delete

TESTS = Path(__file__).parent.parent
NO_WAIT = 0.0
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(path)) as opened:
        yield opened


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the file as another process in the middle of a write does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def start_writer(path: Path, count: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "contract.sqlite_writer", str(path), str(count)]
    with subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


# Durable


def test_rows_survive_reopening(path: Path) -> None:
    with closing(SqliteStore(path)) as first:
        put_all(first, [row("a", '{"k": "\u00e9"}', name="n", dirty_link="l", group="g")])
        written = stored(first, "a")
    with closing(SqliteStore(path)) as second:
        assert second.get("thing", "a") == written
        assert second.dirty("l") == second.members("g") == [written]


def test_kill_of_a_writer_loses_nothing_acknowledged(path: Path) -> None:
    with start_writer(path, 0) as child:
        assert child.stdout is not None
        seen = [line.strip() for line in itertools.islice(child.stdout, 50)]
        child.kill()
        seen += [line.strip() for line in child.stdout if line.endswith("\n")]
    with closing(SqliteStore(path)) as reopened:
        found = reopened.get_many("thing", seen)
        assert sorted(found) == seen
        assert reopened.count_dirty("l") - len(seen) in {0, 1}


def test_every_commit_waits_for_the_disk(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        assert store._writer.execute("PRAGMA synchronous").fetchone() == (2,)
        assert store._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_closing_moves_the_log_into_the_file(path: Path, store: SqliteStore) -> None:
    put_all(store, [row("a")])
    assert path.with_name("store.db-wal").stat().st_size > 0
    store.close()
    assert [each.name for each in path.parent.iterdir()] == ["store.db"]


# Shared commits


def test_lone_write_commits_once_in_its_own_thread(store: SqliteStore) -> None:
    threads = threading.active_count()
    put_all(store, [row("a"), row("b")])
    assert (store.commits, threading.active_count()) == (1, threads)


def test_writers_at_the_same_time_share_commits(store: SqliteStore) -> None:
    start = threading.Barrier(16)

    def write_ten(writer: int) -> None:
        start.wait()
        for number in range(10):
            put_all(store, [row(f"{writer:02}-{number}")])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write_ten, range(16)))
    assert len(store.list("thing", limit=1000)) == 160
    # Alone they would be 160; a busy machine may let some writers come late.
    assert store.commits <= 80


def test_conflict_of_one_writer_leaves_the_others_of_its_batch_alone(
    path: Path, store: SqliteStore
) -> None:
    put_all(store, [row("a")])

    def write(writer: int) -> bool:
        version = 0 if writer % 2 else 5
        try:
            put_all(store, [row(f"{writer:02}"), row(f"{writer:02}-too", version=version)])
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        # Held back by another process until some writers stand in the queue.
        with locked(path):
            results = [pool.submit(write, writer) for writer in range(12)]
            wait_until(lambda: len(store._queue) >= 8)
        assert [each.result() for each in results] == [writer % 2 == 1 for writer in range(12)]
    expected = sorted(f"{n:02}{end}" for n in range(1, 12, 2) for end in ("", "-too"))
    assert ids(store.list("thing")) == [*expected, "a"]
    assert store.commits < 1 + 6


def test_write_that_only_conflicts_commits_nothing(store: SqliteStore) -> None:
    with pytest.raises(ConflictError):
        put_all(store, [row("new"), row("a", version=1)])
    assert store.commits == 0


# Unavailable


def test_locked_file_is_unavailable_to_every_writer_of_the_batch(path: Path) -> None:
    with closing(SqliteStore(path, busy_timeout_seconds=0.05)) as store:
        with locked(path), ThreadPoolExecutor(4) as pool:
            results = [pool.submit(put_all, store, [row(str(number))]) for number in range(4)]
            errors = [each.exception() for each in results]
        assert [type(error) for error in errors] == [StoreUnavailableError] * 4
        assert store.list("thing") == []
        put_all(store, [row("later")])
        assert ids(store.list("thing")) == ["later"]


def test_wait_for_a_locked_file_ends_with_the_busy_timeout(path: Path) -> None:
    with closing(SqliteStore(path, busy_timeout_seconds=0.1)) as store, locked(path):
        begun = time.monotonic()
        with pytest.raises(StoreUnavailableError, match="locked"):
            put_all(store, [row("a")])
        assert 0.05 < time.monotonic() - begun < 3


def test_reader_does_not_wait_for_a_writer(path: Path) -> None:
    with closing(SqliteStore(path, busy_timeout_seconds=NO_WAIT)) as store:
        put_all(store, [row("a")])
        with locked(path):
            assert ids(store.list("thing")) == ["a"]


def test_full_store_changes_nothing_and_writes_again_when_room_is_made(path: Path) -> None:
    with closing(SqliteStore(path, max_bytes=400_000)) as store:
        fill(store)
        before = store.list("thing", limit=1000)
        with pytest.raises(StoreUnavailableError, match="full"):
            put_all(store, [row("s", "{}", dirty_link="l"), row("large", "x" * 100_000)])
        assert store.list("thing", limit=1000) == before
        assert (store.get("thing", "s"), store.count_dirty("l")) == (None, 0)
        store.write([Delete("thing", each.id, each.version) for each in before[:5]])
        put_all(store, [row("large", "x" * 20_000)])
        assert path.stat().st_size <= 400_000


def test_disk_that_refuses_to_write_changes_nothing(path: Path, store: SqliteStore) -> None:
    put_all(store, [row("a", "1")])
    with largest_file(path.with_name("store.db-wal").stat().st_size + 5000):
        with pytest.raises(StoreUnavailableError):
            put_all(store, [row("a", "2" * 20_000, version=1), row("b")])
        assert [(each.id, each.body) for each in store.list("thing")] == [("a", "1")]
    put_all(store, [row("a", "3", version=1)])
    assert stored(store, "a").body == "3"


def test_statement_that_fails_in_the_middle_is_undone(path: Path, store: SqliteStore) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON row WHEN NEW.id = 'bad'"
            " BEGIN SELECT RAISE(FAIL, 'broken'); END"
        )
    with pytest.raises(StoreUnavailableError, match="broken"):
        put_all(store, [row("a"), row("bad")])
    put_all(store, [row("b")])
    assert ids(store.list("thing")) == ["b"]


def fill(store: SqliteStore) -> None:
    for number in range(100):
        try:
            put_all(store, [row(f"{number:03}", "x" * 9_000)])
        except StoreUnavailableError:
            return
    pytest.fail("the store was never full")


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """Lets the kernel refuse to grow any file of this process beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, "never came true"
        os.sched_yield()


# Several processes and threads


def test_two_processes_write_the_same_file(path: Path, store: SqliteStore) -> None:
    put_all(store, [row("counter", "0")])
    with start_writer(path, 50) as child:
        for _ in range(50):
            increment(store, "counter")
        assert child.wait(timeout=30) == 0
    assert stored(store, "counter").body == "100"
    assert store.count_dirty("l") == 50


def test_stores_opened_at_the_same_time_make_one_database(path: Path) -> None:
    start = threading.Barrier(8)

    def open_and_write(number: int) -> None:
        start.wait()
        with closing(SqliteStore(path)) as opened:
            put_all(opened, [row(str(number))])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(open_and_write, range(8)))
    with closing(SqliteStore(path)) as reopened:
        assert ids(reopened.list("thing")) == [str(number) for number in range(8)]


def test_opening_waits_while_another_process_opens(path: Path) -> None:
    directory = os.open(path.parent, os.O_RDONLY)
    with ThreadPoolExecutor(1) as pool:
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            opening = pool.submit(SqliteStore, path)
            # Not waiting, it would be done in a few milliseconds.
            with pytest.raises(TimeoutError):
                opening.result(timeout=0.2)
        finally:
            os.close(directory)
        opening.result().close()


def test_ended_threads_leave_no_connections(path: Path, store: SqliteStore) -> None:
    put_all(store, [row("a")])
    start = threading.Barrier(10)

    def read() -> None:
        start.wait()
        store.list("thing")

    for _ in range(5):
        threads = [threading.Thread(target=read) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    opened = [each.path for each in psutil.Process().open_files()]
    assert 1 <= opened.count(f"{path}-wal") <= IDLE_LIMIT + 1
    # SQLite keeps descriptors of the file itself for its next connections, here at most ten.
    assert 1 <= opened.count(str(path)) <= 10 + 1


def test_closing_waits_for_the_write_under_way(path: Path, store: SqliteStore) -> None:
    with ThreadPoolExecutor(3) as pool:
        with locked(path):
            writes = [pool.submit(put_all, store, [row(each)]) for each in "ab"]
            wait_until(lambda: len(store._queue) == 1)
            closed = pool.submit(store.close)
        closed.result()
        for write in writes:
            write.result()
    with closing(SqliteStore(path)) as reopened:
        assert ids(reopened.list("thing")) == ["a", "b"]


# The file


def test_files_are_for_their_owner_alone(path: Path, store: SqliteStore) -> None:
    put_all(store, [row("a")])
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert modes == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}


def test_file_that_others_may_read_is_refused_with_the_cure(path: Path) -> None:
    SqliteStore(path).close()
    path.chmod(0o640)
    with pytest.raises(SettingsError, match=r"chmod 600 .*store\.db"):
        SqliteStore(path)


def test_directory_that_does_not_exist_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="missing"):
        SqliteStore(tmp_path / "missing" / "store.db")


def test_file_that_is_no_database_is_refused_untouched(path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to be looked at\n" * 100)
    path.chmod(0o600)
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="not a usable database"):
        SqliteStore(path)
    assert path.read_bytes() == before


def test_locked_file_cannot_be_opened_now(path: Path) -> None:
    SqliteStore(path).close()
    with locked(path), pytest.raises(StoreUnavailableError, match="locked"):
        SqliteStore(path, busy_timeout_seconds=NO_WAIT)


# Migrations

ADD_COLUMN = ("ALTER TABLE row ADD COLUMN note TEXT", "CREATE INDEX row_note ON row (note)")
BROKEN = ("ALTER TABLE row ADD COLUMN other TEXT", "no such statement")


def test_newer_file_is_refused_naming_both_versions(path: Path) -> None:
    SqliteStore(path).close()
    with closing(sqlite3.connect(path)) as newer:
        newer.execute(f"PRAGMA user_version = {len(STEPS) + 7}")
    with pytest.raises(SettingsError, match=rf"version {len(STEPS) + 7}.* knows {len(STEPS)}\b"):
        SqliteStore(path)


def test_older_file_is_migrated_and_keeps_its_rows(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        put_all(store, [row("a", "1")])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, [*STEPS, ADD_COLUMN])
        assert connection.execute("PRAGMA user_version").fetchone() == (len(STEPS) + 1,)
        assert connection.execute("SELECT id, body, note FROM row").fetchall() == [("a", "1", None)]


def test_migration_that_was_done_is_not_repeated(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, [*STEPS, ADD_COLUMN])
        migrate(connection, [*STEPS, ADD_COLUMN])
        assert connection.execute("PRAGMA user_version").fetchone() == (len(STEPS) + 1,)


def test_failing_migration_leaves_the_file_as_it_was(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        put_all(store, [row("a", "1")])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError):
            migrate(connection, [*STEPS, ADD_COLUMN, BROKEN])
        assert connection.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
    with closing(SqliteStore(path)) as store:
        assert stored(store, "a").body == "1"


# Cost


QUERIES = [
    *[(sql, "row_listed") for sql in sqlite_store._LIST.values()],
    (sqlite_store._DIRTY, "row_dirty"),
    (sqlite_store._DIRTY_AFTER, "row_dirty"),
    (sqlite_store._COUNT_DIRTY, "row_dirty"),
    (sqlite_store._DUE, "row_due"),
    (sqlite_store._CHILDREN, "row_parent"),
    (sqlite_store._MEMBERS, "row_member"),
    (sqlite_store._MEMBERS_AFTER, "row_member"),
    (sqlite_store._COUNT_MEMBERS, "row_member"),
    (sqlite_store._GET_BY_NAME, "row_name"),
]


@pytest.mark.parametrize(("sql", "index"), QUERIES)
def test_query_reads_its_own_index_in_order(path: Path, sql: str, index: str) -> None:
    SqliteStore(path).close()
    with closing(sqlite3.connect(path)) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?")).fetchall()
    # One step: no scan of the history, no sorting beside it.
    assert len(plan) == 1
    assert plan[0][3].startswith("SEARCH row USING")
    assert f"INDEX {index} (" in plan[0][3]


def test_history_costs_the_indexes_nothing(path: Path, store: SqliteStore) -> None:
    open_work = [
        row(f"m{n}", dirty_link="l", due_at=NOON, parent_id="p", group="g") for n in range(5)
    ]
    put_all(store, open_work)
    before = steps_of_all_queries(path)
    # Ended descendants of executions: older and newer than the open work, in no index.
    put_all(store, [row(f"{side}{n:03}", is_listed=False) for side in "az" for n in range(500)])
    assert steps_of_all_queries(path) == before


def steps_of_all_queries(path: Path) -> list[int]:
    """Counts the instructions that SQLite executes for each query of the open work."""
    far = 10**18
    queries = [
        *[(sqlite_store._LIST[newest, False], ("thing", 100)) for newest in (False, True)],
        (sqlite_store._LIST[False, True], ("thing", "a", 100)),
        (sqlite_store._LIST[True, True], ("thing", "zz", 100)),
        (sqlite_store._DIRTY, ("l", 100)),
        (sqlite_store._DIRTY_AFTER, ("l", 0, "m1", 100)),
        (sqlite_store._COUNT_DIRTY, ("l",)),
        (sqlite_store._DUE, (far, 100)),
        (sqlite_store._CHILDREN, ("p", "thing")),
        (sqlite_store._MEMBERS, ("g", 100)),
        (sqlite_store._COUNT_MEMBERS, ("g",)),
    ]
    with closing(sqlite3.connect(path)) as connection:
        return [count_steps(connection, sql, values) for sql, values in queries]


def count_steps(connection: sqlite3.Connection, sql: str, values: tuple[str | int, ...]) -> int:
    steps = itertools.count()
    connection.set_progress_handler(lambda: next(steps) < 0, 1)
    assert connection.execute(sql, values).fetchall()
    connection.set_progress_handler(None, 1)
    return next(steps)
