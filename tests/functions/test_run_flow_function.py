"""run_flow: one message, one flow; the worker's deadline and wishes to cancel."""

from __future__ import annotations

from typing import Any

import pytest

from lambda_functions import StillChanges, StubProcess, factory, generator, load, sample
from tieline.adapters.memory_store import MemoryStore
from tieline.errors import RunnerError, StoreUnavailableError
from tieline.operations.records import load_execution
from tieline.operations.run_in_worker import LOOK_SECONDS, WorkerRun
from tieline.operations.start_execution import Request, start_execution
from tieline.operations.want_execution import want_execution
from tieline.operations.workspace import Workspace, change_execution
from tieline.protocol.execution import Run, change_desired
from tieline.protocol.states import Desired, Status, StatusCode

SUCCESS = {"status": "ENDED_SUCCESS", "output_value": 7, "has_output": True}
SECONDS = 870.0


class Work:
    """One local execution and what its worker does."""

    def __init__(self, end: Any = None, **overrides: Any) -> None:
        self.workspace: Workspace = factory(**overrides)
        self.changes = StillChanges()
        self.process = StubProcess(end or SUCCESS)
        self.id = start_execution(self.workspace, Request(flow_name=generator().FLOW)).id

    def handle(self, case: str = "run") -> Any:
        event = sample(f"run_flow/{case}")
        for record in event["Records"]:
            record["body"] = record["body"].replace(generator().EXECUTION_ID, self.id)
        return load("run_flow").handle(event, self.workspace, self.process, self.changes, SECONDS)

    @property
    def run(self) -> Run:
        return load_execution(self.workspace.store, self.id).execution.run

    def call(self, seconds: float) -> None:
        """Calls what was planned for that many seconds later."""
        planned = [each for each in self.changes.later if each[0] == seconds]
        for each in planned:
            self.changes.later.remove(each)
            each[1]()


def test_flow_runs_to_its_end() -> None:
    work = Work()
    assert work.handle() == {"batchItemFailures": []}
    assert (work.run.status, work.run.output_value) == (Status.ENDED_SUCCESS, 7)


def test_doubled_message_runs_nothing_twice() -> None:
    work = Work()
    work.handle()
    work.handle()
    assert len(work.process.started) == 1


def test_message_for_an_unknown_execution_is_done_with() -> None:
    work = Work()
    work.id = generator().EXECUTION_ID
    assert work.handle() == {"batchItemFailures": []}


def test_poisonous_message_fails_alone() -> None:
    failed = Work().handle("poison")["batchItemFailures"]
    assert [each["itemIdentifier"] for each in failed] == ["sample-1"]


def test_flow_that_outlives_its_worker_ends_as_timeout() -> None:
    work = Work()
    work.process.meanwhile = lambda: work.call(SECONDS)
    work.handle()
    assert (work.run.status, work.run.status_code) == (Status.ENDED_ERROR, StatusCode.TIMEOUT)
    assert work.run.message == "did not end within the 870 seconds that this host gives a flow"
    assert work.process.is_terminated


def test_deadline_of_an_ended_flow_is_called_off() -> None:
    work = Work()
    work.handle()
    assert SECONDS not in [seconds for seconds, _ in work.changes.later]


def test_wish_to_cancel_reaches_a_running_flow() -> None:
    work = Work()

    def cancel() -> None:
        want_execution(work.workspace, work.id, Desired.CANCEL)
        work.call(LOOK_SECONDS)

    work.process.meanwhile = cancel
    work.handle()
    assert work.run.status == Status.ENDED_CANCELLED


def test_worker_looks_again_and_again_until_the_end() -> None:
    work = Work()
    work.process.meanwhile = lambda: work.call(LOOK_SECONDS)
    work.handle()
    assert [seconds for seconds, _ in work.changes.later] == [LOOK_SECONDS]
    work.call(LOOK_SECONDS)
    assert work.changes.later == []


def test_message_to_cancel_leaves_a_running_flow_to_its_worker() -> None:
    work = Work()
    work.process.meanwhile = lambda: work.handle("cancel")
    work.handle()
    assert work.run.status == Status.ENDED_SUCCESS


def _wish_to_cancel(work: Work) -> None:
    """Leaves the wish in the store without ending what waits, as a peer's cancel may."""
    change_execution(work.workspace, work.id, lambda found: change_desired(found, Desired.CANCEL))


def test_message_to_cancel_ends_what_was_never_started() -> None:
    work = Work()
    _wish_to_cancel(work)
    work.handle("cancel")
    assert work.run.status == Status.ENDED_CANCELLED


def test_message_to_cancel_does_not_end_a_flow_that_runs() -> None:
    work = Work()
    seen: list[Status] = []

    def cancel() -> None:
        _wish_to_cancel(work)
        work.handle("cancel")
        seen.append(work.run.status)
        work.call(LOOK_SECONDS)

    work.process.meanwhile = cancel
    work.handle()
    assert (seen, work.run.status) == ([Status.RUNNING], Status.ENDED_CANCELLED)


def test_run_at_its_deadline_waits_for_nothing_more() -> None:
    work = Work()
    run = WorkerRun(work.workspace, work.id, work.changes, SECONDS)
    run.expire()
    assert run.control.must_stop
    assert work.changes.notified[-1] == work.id


def test_worker_without_a_flow_process_ends_the_execution_as_crashed() -> None:
    work = Work()

    def spawn() -> StubProcess:
        raise RunnerError("no zygote")

    work.process.spawn = spawn  # type: ignore[method-assign]
    assert work.handle() == {"batchItemFailures": []}
    assert (work.run.status, work.run.status_code) == (Status.ENDED_ERROR, StatusCode.CRASHED)


def test_message_comes_again_when_the_store_is_away() -> None:
    store = MemoryStore()
    work = Work(store=store)
    store.refuse_writes(StoreUnavailableError("throttled"))
    assert len(work.handle()["batchItemFailures"]) == 1
    store.refuse_writes(None)
    work.handle()
    assert work.run.status == Status.ENDED_SUCCESS


@pytest.mark.parametrize("desired", [Desired.PAUSE])
def test_execution_that_is_to_pause_is_not_started(desired: Desired) -> None:
    work = Work()
    want_execution(work.workspace, work.id, desired)
    work.handle()
    assert work.process.started == []
