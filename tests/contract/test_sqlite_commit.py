"""The commit queue of the SQLite store: who leads, who follows, who is told what."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain

import pytest

from tieline.adapters.sqlite_commit import CommitQueue, Ticket
from tieline.errors import ConflictError, StoreUnavailableError


class Disk:
    """Commits batches; the first one only after `followers` more writers stand in the queue."""

    def __init__(self, followers: int = 0) -> None:
        self.followers = followers
        self.batches: list[list[str]] = []
        self.threads: list[int] = []
        self.errors: dict[str, Exception] = {}
        self.queue = CommitQueue(self.commit)

    def commit(self, batch: Sequence[Ticket[str]]) -> None:
        self.threads.append(threading.get_ident())
        self.batches.append([ticket.work for ticket in batch])
        if len(self.batches) == 1:
            deadline = time.monotonic() + 10
            while len(self.queue) < self.followers:
                assert time.monotonic() < deadline, "the followers never came"
                os.sched_yield()
        for ticket in batch:
            error = self.errors.get(ticket.work)
            if isinstance(error, ConflictError):
                ticket.error = error
            elif error is not None:
                raise error

    def write_all(self, works: str) -> list[Future[None]]:
        with ThreadPoolExecutor(len(works)) as pool:
            return [pool.submit(self.queue.submit, work) for work in works]


def test_lone_writer_commits_in_its_own_thread() -> None:
    disk = Disk()
    disk.queue.submit("a")
    assert (disk.batches, disk.threads) == ([["a"]], [threading.get_ident()])


def test_writers_that_wait_share_the_next_commit() -> None:
    disk = Disk(followers=7)
    results = disk.write_all("abcdefgh")
    assert [len(batch) for batch in disk.batches] == [1, 7]
    assert sorted(chain.from_iterable(disk.batches)) == list("abcdefgh")
    assert [result.exception() for result in results] == [None] * 8


def test_each_writer_is_told_its_own_error() -> None:
    disk = Disk(followers=3)
    conflict = disk.errors["c"] = ConflictError("thing", "c")
    results = disk.write_all("abcd")
    assert [result.exception() for result in results] == [None, None, conflict, None]


def test_interrupted_leader_leaves_nobody_waiting() -> None:
    disk = Disk(followers=3)
    disk.errors = dict.fromkeys("abcd", MemoryError())
    results = disk.write_all("abcd")
    outcomes = sorted(type(result.exception()).__name__ for result in results)
    # The leader of each of the two batches sees its own error, the others an unavailable store.
    assert outcomes == ["MemoryError"] * 2 + ["StoreUnavailableError"] * 2
    disk.errors = {}
    disk.queue.submit("e")
    assert disk.batches[-1] == ["e"]


def test_closed_queue_takes_no_work() -> None:
    disk = Disk()
    assert disk.queue.close()
    assert not disk.queue.close()
    with pytest.raises(StoreUnavailableError):
        disk.queue.submit("a")
    assert disk.batches == []
