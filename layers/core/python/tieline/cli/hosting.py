"""Stopping a host by signals: the first ends it in order, the second at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)
KILLED_BY_SIGNAL = 128
"""What a shell adds to a signal's number for the exit code of a process that it ended."""


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Calls `stop` at the first SIGTERM or SIGINT; the second ends the process as it is.

    What the second one interrupts is safe: it is as if the machine had lost its power.
    """
    is_stopping = False

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal is_stopping
        if is_stopping:
            os._exit(KILLED_BY_SIGNAL + number)
        is_stopping = True
        stop()

    for each in SIGNALS:
        signal.signal(each, handle)
