"""The one place where system tests wait for other processes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 20.0
"""Far above what anything takes here, so that only what never happens fails."""
LOOK_SECONDS = 0.02

_never = threading.Event()


def eventually(condition: Callable[[], T], timeout_seconds: float = PATIENCE_SECONDS) -> T:
    """Gives the first true value of the condition; fails with the last one when time is up."""
    last = condition()
    for _ in range(int(timeout_seconds / LOOK_SECONDS)):
        if last:
            return last
        _never.wait(LOOK_SECONDS)
        last = condition()
    assert last, f"not within {timeout_seconds:g} s; at last it was {last!r}"
    return last


def settled(look: Callable[[], T], looks: int = 20) -> T:
    """Gives what `look` sees once it has seen the same that many times in a row."""
    seen: list[T] = []

    def is_settled() -> bool:
        seen.append(look())
        return len(seen) >= looks and all(each == seen[-1] for each in seen[-looks:])

    eventually(is_settled)
    return seen[-1]
