"""The statuses of an execution and which may follow which.

Rules, in prose:

* An execution is created PENDING. A runner takes it to RUNNING.
* While it lives it moves freely between RUNNING, SLEEPING, WAITING and PAUSED.
* It ends once, as ENDED_SUCCESS, ENDED_ERROR or ENDED_CANCELLED. An ended status is absorbing
  (invariant I4); PENDING may end directly (rejected, expired, lost, cancelled before the start).
* `desired` moves between run and pause, and from either to cancel; never back from cancel (I5).

Source: docs/protocol.md §3 rule 7, docs/flows.md §4.
"""

from __future__ import annotations

from enum import StrEnum

from tieline.errors import InvalidTransitionError


class Status(StrEnum):
    """Where an execution stands, as its executing side sees it."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SLEEPING = "SLEEPING"
    WAITING = "WAITING"
    PAUSED = "PAUSED"
    ENDED_SUCCESS = "ENDED_SUCCESS"
    ENDED_ERROR = "ENDED_ERROR"
    ENDED_CANCELLED = "ENDED_CANCELLED"

    @property
    def is_ended(self) -> bool:
        """Tells whether nothing can follow this status."""
        return self in ENDED


class StatusCode(StrEnum):
    """Why an execution has its status, beside the status itself."""

    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    LOST = "lost"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    DIVERGED = "diverged"


class Desired(StrEnum):
    """What the controlling side wants of an execution."""

    RUN = "run"
    PAUSE = "pause"
    CANCEL = "cancel"


ENDED = frozenset({Status.ENDED_SUCCESS, Status.ENDED_ERROR, Status.ENDED_CANCELLED})
LIVE = frozenset({Status.RUNNING, Status.SLEEPING, Status.WAITING, Status.PAUSED})

_NEXT_STATUS: dict[Status, frozenset[Status]] = {
    Status.PENDING: LIVE | ENDED,
    **{status: (LIVE | ENDED) - {status} for status in LIVE},
    **{status: frozenset() for status in ENDED},
}

_NEXT_DESIRED: dict[Desired, frozenset[Desired]] = {
    Desired.RUN: frozenset({Desired.PAUSE, Desired.CANCEL}),
    Desired.PAUSE: frozenset({Desired.RUN, Desired.CANCEL}),
    Desired.CANCEL: frozenset(),
}


def may_follow(old: Status, new: Status) -> bool:
    """Tells whether `new` may follow `old`; a status may always be repeated."""
    return old == new or new in _NEXT_STATUS[old]


def may_become(old: Status, new: Status) -> bool:
    """Tells whether `new` can be reached from `old` through statuses nobody sent.

    A replica sees compacted states: PENDING then RUNNING again may stand for a whole pause. The
    only thing it may never see is a way back from an ended status, or back to PENDING.
    """
    return old == new or (not old.is_ended and (new != Status.PENDING))


def may_desire(old: Desired, new: Desired) -> bool:
    """Tells whether `desired` may move from `old` to `new`; it may always be repeated."""
    return old == new or new in _NEXT_DESIRED[old]


def check_transition(old: Status, new: Status) -> None:
    """Refuses a status change that the table does not hold.

    Raises:
        InvalidTransitionError: names both statuses; nothing was changed.
    """
    if not may_follow(old, new):
        raise InvalidTransitionError(f"an execution cannot go from {old} to {new}")
