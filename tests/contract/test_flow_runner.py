"""The embedded host's runner: what it does when the store cannot be written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from fakes import make_workspace
from system.waiting import eventually
from tieline.adapters.memory_store import MemoryStore
from tieline.embedded.changes import ThreadChanges
from tieline.embedded.flow_runner import ThreadRunner
from tieline.errors import StoreUnavailableError
from tieline.operations.manage_resources import create_resource
from tieline.operations.records import FLOW, load_execution
from tieline.operations.start_execution import Request, start_execution
from tieline.protocol.states import Status


class EndingProcess:
    """A flow process that succeeds as soon as it is handed a script."""

    def __init__(self, scripts: list[str]) -> None:
        self.scripts = scripts
        self.frames: list[Mapping[str, Any]] = []

    def send(self, frame: Mapping[str, Any]) -> None:
        self.scripts.append(frame["script"])
        self.frames.append({"kind": "end", "status": "ENDED_SUCCESS"})

    def receive(self) -> Mapping[str, Any] | None:
        return self.frames.pop() if self.frames else None

    def has_frame(self) -> bool:
        return bool(self.frames)

    def terminate(self) -> None:
        pass

    def kill(self) -> None:
        pass

    def wait(self, timeout_seconds: float | None) -> str:
        del timeout_seconds
        return "ended"

    def close(self) -> None:
        pass


class EndingProcesses:
    def __init__(self) -> None:
        self.scripts: list[str] = []

    def spawn(self) -> EndingProcess:
        return EndingProcess(self.scripts)


@pytest.fixture
def changes() -> Iterator[ThreadChanges]:
    opened = ThreadChanges()
    yield opened
    opened.close()


def test_start_that_cannot_be_claimed_is_put_off_and_runs_once_later(
    changes: ThreadChanges,
) -> None:
    store, processes = MemoryStore(), EndingProcesses()
    workspace = make_workspace(store=store)
    create_resource(workspace, FLOW, "report", "def handler(system, this):\n    pass\n")
    execution = start_execution(workspace, Request(flow_name="report")).id
    store.refuse_writes(StoreUnavailableError("disk full"))
    runner = ThreadRunner(processes, changes, max_active=4)
    runner.open(workspace)
    runner.start(execution)
    eventually(lambda: runner.running_count == 0)
    assert load_execution(store, execution).execution.run.status == Status.PENDING
    assert processes.scripts == []
    store.refuse_writes(None)
    eventually(lambda: load_execution(store, execution).execution.is_ended)
    assert load_execution(store, execution).execution.run.status == Status.ENDED_SUCCESS
    assert len(processes.scripts) == 1
    runner.stop(5)


def test_more_starts_than_places_all_run(changes: ThreadChanges) -> None:
    store, processes = MemoryStore(), EndingProcesses()
    workspace = make_workspace(store=store)
    create_resource(workspace, FLOW, "report", "def handler(system, this):\n    pass\n")
    runner = ThreadRunner(processes, changes, max_active=2)
    runner.open(workspace)
    started = [start_execution(workspace, Request(flow_name="report")).id for _ in range(50)]
    for each in started:
        runner.start(each)
        runner.start(each)
    eventually(lambda: all(load_execution(store, each).execution.is_ended for each in started))
    assert len(processes.scripts) == 50
    runner.stop(5)
