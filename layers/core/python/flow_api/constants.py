"""The names of statuses and of what a wait may wait for; each is its own text."""

from __future__ import annotations

from enum import StrEnum


class ReturnWhen(StrEnum):
    """When a wait for several executions is over."""

    ALL_ENDED = "ALL_ENDED"
    ALL_SUCCEEDED = "ALL_SUCCEEDED"
    FIRST_ENDED = "FIRST_ENDED"
    FIRST_SUCCEEDED = "FIRST_SUCCEEDED"


class Status(StrEnum):
    """Where an execution stands; the same names as `tieline.protocol.states.Status`."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SLEEPING = "SLEEPING"
    WAITING = "WAITING"
    PAUSED = "PAUSED"
    ENDED_SUCCESS = "ENDED_SUCCESS"
    ENDED_ERROR = "ENDED_ERROR"
    ENDED_CANCELLED = "ENDED_CANCELLED"
