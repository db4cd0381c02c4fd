"""The tables of statuses and wishes."""

from __future__ import annotations

import itertools

import pytest

from tieline.errors import InvalidTransitionError
from tieline.protocol.states import (
    ENDED,
    LIVE,
    Desired,
    Status,
    check_transition,
    may_become,
    may_desire,
    may_follow,
)


@pytest.mark.parametrize(("old", "new"), list(itertools.product(ENDED, Status)))
def test_ended_status_is_absorbing(old: Status, new: Status) -> None:
    assert may_follow(old, new) == (old == new)
    assert may_become(old, new) == (old == new)


@pytest.mark.parametrize(("old", "new"), list(itertools.permutations(LIVE, 2)))
def test_living_statuses_follow_each_other_freely(old: Status, new: Status) -> None:
    assert may_follow(old, new)


@pytest.mark.parametrize("status", sorted(LIVE | ENDED))
def test_nothing_goes_back_to_pending(status: Status) -> None:
    assert not may_follow(status, Status.PENDING)
    assert not may_become(status, Status.PENDING)
    assert may_follow(Status.PENDING, status)


def test_refused_transition_names_both_statuses() -> None:
    with pytest.raises(InvalidTransitionError, match="ENDED_SUCCESS to RUNNING"):
        check_transition(Status.ENDED_SUCCESS, Status.RUNNING)


def test_cancel_is_never_undone_and_the_rest_moves_freely() -> None:
    assert not may_desire(Desired.CANCEL, Desired.RUN)
    assert not may_desire(Desired.CANCEL, Desired.PAUSE)
    assert may_desire(Desired.RUN, Desired.PAUSE)
    assert may_desire(Desired.PAUSE, Desired.RUN)
    assert may_desire(Desired.PAUSE, Desired.CANCEL)
    assert may_desire(Desired.CANCEL, Desired.CANCEL)
