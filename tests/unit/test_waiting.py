"""When a wait for executions is over."""

from __future__ import annotations

import pytest

from tieline.flows.waiting import ReturnWhen, Verdict, judge_wait
from tieline.protocol.states import Status

GOOD, BAD, GONE, LIVE = (
    Status.ENDED_SUCCESS,
    Status.ENDED_ERROR,
    Status.ENDED_CANCELLED,
    Status.RUNNING,
)
OPEN, OVER = Verdict(False), Verdict(True)


@pytest.mark.parametrize(
    ("mode", "statuses", "expected"),
    [
        (ReturnWhen.ALL_SUCCEEDED, [GOOD, GOOD], OVER),
        (ReturnWhen.ALL_SUCCEEDED, [GOOD, LIVE], OPEN),
        (ReturnWhen.ALL_SUCCEEDED, [LIVE, BAD], Verdict(True, 1)),
        (ReturnWhen.ALL_SUCCEEDED, [GONE, BAD], Verdict(True, 0)),
        (ReturnWhen.ALL_SUCCEEDED, [], OVER),
        (ReturnWhen.ALL_ENDED, [BAD, GONE], OVER),
        (ReturnWhen.ALL_ENDED, [BAD, LIVE], OPEN),
        (ReturnWhen.FIRST_ENDED, [LIVE, BAD], OVER),
        (ReturnWhen.FIRST_ENDED, [LIVE, LIVE], OPEN),
        (ReturnWhen.FIRST_ENDED, [], OVER),
        (ReturnWhen.FIRST_SUCCEEDED, [BAD, GOOD], OVER),
        (ReturnWhen.FIRST_SUCCEEDED, [BAD, LIVE], OPEN),
        (ReturnWhen.FIRST_SUCCEEDED, [BAD, GONE], Verdict(True, 0)),
    ],
)
def test_wait_is_judged(mode: ReturnWhen, statuses: list[Status], expected: Verdict) -> None:
    assert judge_wait(statuses, mode) == expected
