"""run_due: the sweep of every minute over a real store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lambda_functions import Pair, RecordingErrands, factory, load, sample
from tieline.errors import StoreUnavailableError
from tieline.operations.records import load_execution
from tieline.operations.start_execution import Request, start_execution
from tieline.operations.workspace import Workspace, change_execution
from tieline.protocol.execution import Execution, change_run
from tieline.protocol.states import Status, StatusCode


def _sweep(workspace: Workspace) -> list[tuple[str, str, int]]:
    queue = RecordingErrands()
    load("run_due").handle(sample("run_due/schedule"), workspace, queue)
    return queue.errands


def _start(workspace: Workspace, **fields: Any) -> str:
    return start_execution(workspace, Request(flow_name="restart_service", **fields)).id


def _run(workspace: Workspace, execution_id: str) -> None:
    def change(execution: Execution) -> Execution:
        now = workspace.clock.now()
        return change_run(execution, replace(execution.run, status=Status.RUNNING, started_at=now))

    change_execution(workspace, execution_id, change)


def test_empty_workspace_has_no_errands() -> None:
    assert _sweep(factory()) == []


def test_execution_that_lost_its_hint_is_handed_over_again() -> None:
    workspace = factory()
    execution_id = _start(workspace)
    assert _sweep(workspace) == []
    workspace.clock.advance(61)  # type: ignore[attr-defined]
    assert _sweep(workspace) == [("run", execution_id, 0)]


def test_running_execution_is_left_alone_while_its_worker_can_live() -> None:
    workspace = factory()
    execution_id = _start(workspace)
    _run(workspace, execution_id)
    workspace.clock.advance(900)  # type: ignore[attr-defined]
    assert _sweep(workspace) == []
    assert load_execution(workspace.store, execution_id).execution.run.status == Status.RUNNING


def test_execution_whose_worker_is_gone_ends_as_crashed() -> None:
    workspace = factory()
    execution_id = _start(workspace)
    _run(workspace, execution_id)
    workspace.clock.advance(961)  # type: ignore[attr-defined]
    assert _sweep(workspace) == []
    run = load_execution(workspace.store, execution_id).execution.run
    assert (run.status, run.status_code) == (Status.ENDED_ERROR, StatusCode.CRASHED)


def test_link_that_never_met_its_peer_posts() -> None:
    pair = Pair()
    assert _sweep(pair.cloud) == [("send", pair.link.id, 0)]


def test_link_with_something_to_send_posts_after_a_lost_hint() -> None:
    pair = Pair()
    load("send_changes").handle({"Records": [_message(pair)]}, pair.cloud)
    assert _sweep(pair.cloud) == []
    _start(pair.cloud, remote_workspace_name="factory")
    assert _sweep(pair.cloud) == [("send", pair.link.id, 0)]


def test_link_polls_while_the_peer_runs_something_for_it() -> None:
    pair = Pair()
    _start(pair.cloud, remote_workspace_name="factory")
    for _ in range(2):
        load("send_changes").handle({"Records": [_message(pair)]}, pair.cloud)
    assert not pair.cloud.store.dirty(pair.link.id)
    assert _sweep(pair.cloud) == [("send", pair.link.id, 0)]


def test_link_with_an_interval_posts_at_each_of_its_times() -> None:
    pair = Pair(sync_interval=20.0)
    load("send_changes").handle({"Records": [_message(pair)]}, pair.cloud)
    pair.clock.advance(5)
    assert _sweep(pair.cloud) == [("send", pair.link.id, delay) for delay in (15, 35, 55)]


def test_queue_that_takes_nothing_fails_the_sweep() -> None:
    class FullQueue:
        def put(self, errands: object) -> None:
            raise StoreUnavailableError("the queue is gone")

    with pytest.raises(StoreUnavailableError):
        load("run_due").handle(sample("run_due/schedule"), factory(), FullQueue())


def _message(pair: Pair) -> Any:
    record = sample("send_changes/message")["Records"][0]
    return {**record, "body": f'{{"send": "{pair.link.id}"}}'}
