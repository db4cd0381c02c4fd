"""What a sweep plans: a table of cases, no store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tieline.operations.run_due import has_lost_worker, is_run_due, plan_posts
from tieline.protocol.execution import Control, Execution, Run
from tieline.protocol.link import LinkState, SyncConfig
from tieline.protocol.states import Desired, Status

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


def _ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def _link(interval: float | None) -> SyncConfig:
    return SyncConfig(id="link", name="there", sync_interval=interval)


def _state(contact: float | None, failed: float | None = None) -> LinkState:
    return LinkState(
        id="link",
        last_contact_out=None if contact is None else _ago(contact),
        last_error_at=None if failed is None else _ago(failed),
        failures=0 if failed is None else 3,
    )


@pytest.mark.parametrize(
    ("interval", "contact", "delays"),
    [
        (20, 0, [20, 40]),
        (20, 15, [5, 25, 45]),
        (20, 20, [0, 20, 40]),
        (20, 500, [0, 20, 40]),
        (1, 1, list(range(60))),
        (59, 58, [1]),
        (60, 1, [59]),
        (60, 0, []),
        (300, 100, []),
        (300, 250, [50]),
        (300, 1000, [0]),
        (0.5 + 1, 1.5, [0, 2, 3, 4, 6, 8, 9, 10]),
    ],
)
def test_link_posts_at_each_multiple_of_its_interval(
    interval: float, contact: float, delays: list[int]
) -> None:
    planned = plan_posts(_link(interval), _state(contact), NOW, is_busy=False)
    assert list(planned)[: max(len(delays), 1)] == delays


def test_shortest_interval_gives_a_minute_of_posts() -> None:
    assert len(plan_posts(_link(1), _state(1), NOW, is_busy=False)) == 60


def test_contact_in_the_future_is_taken_for_now() -> None:
    assert plan_posts(_link(30), _state(-5), NOW, is_busy=False) == [30]


@pytest.mark.parametrize(
    ("interval", "is_busy", "contact", "failed", "delays"),
    [
        (5, False, 3, 1, [0]),
        (5, False, None, None, [0]),
        (None, True, 3, None, [0]),
        (None, False, 3, None, []),
        (None, False, 299, None, []),
        (None, False, 300, None, [0]),
        (None, False, None, None, [0]),
        (None, False, None, 10, []),
        (None, False, 1000, 10, []),
        (None, False, 1000, 301, [0]),
        (None, True, 1000, 10, [0]),
    ],
)
def test_link_without_an_interval_posts_when_busy_or_long_idle(
    interval: float | None,
    is_busy: bool,
    contact: float | None,
    failed: float | None,
    delays: list[int],
) -> None:
    planned = plan_posts(_link(interval), _state(contact, failed), NOW, is_busy=is_busy)
    assert list(planned) == delays


def _execution(status: Status = Status.PENDING, desired: Desired = Desired.RUN) -> Execution:
    control = Control(flow_name="flow", desired=desired)
    return Execution(id="e", created_at=NOW, control=control, run=Run(status=status))


@pytest.mark.parametrize(
    ("minutes", "is_due"),
    [(0, False), (1, True), (2, True), (3, False), (4, True), (5, False), (8, True), (63, False)],
)
def test_waiting_execution_is_handed_over_less_and_less_often(minutes: int, is_due: bool) -> None:
    assert is_run_due(_execution(), _ago(60 * minutes + 5), NOW) is is_due


def test_execution_due_within_the_minute_is_handed_over() -> None:
    assert is_run_due(_execution(), _ago(-30), NOW)


@pytest.mark.parametrize(
    "execution",
    [
        _execution(Status.RUNNING),
        _execution(Status.ENDED_SUCCESS),
        _execution(desired=Desired.PAUSE),
    ],
)
def test_only_what_waits_for_a_runner_is_handed_over(execution: Execution) -> None:
    assert not is_run_due(execution, _ago(65), NOW)


@pytest.mark.parametrize(
    ("status", "seconds", "is_lost"),
    [
        (Status.RUNNING, 959, False),
        (Status.RUNNING, 961, True),
        (Status.PAUSED, 961, True),
        (Status.PENDING, 961, False),
        (Status.ENDED_SUCCESS, 961, False),
    ],
)
def test_worker_is_lost_when_none_could_live_so_long(
    status: Status, seconds: float, is_lost: bool
) -> None:
    found = _execution(status)
    started = replace(found, run=replace(found.run, started_at=_ago(seconds)))
    assert has_lost_worker(started, NOW) is is_lost


def test_execution_that_never_started_has_no_worker_to_lose() -> None:
    assert not has_lost_worker(_execution(Status.RUNNING), NOW)
