"""Ctrl-C while a command waits: the first is a wish, the second the end."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class Interrupts:
    """Notes the first SIGINT of the `with` block; the second raises KeyboardInterrupt.

    An exception out of nowhere could strike inside the store; a note is read between requests.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._is_taken = False

    def __enter__(self) -> Interrupts:
        """Begins to note."""
        self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Ends it."""
        signal.signal(signal.SIGINT, self._before)

    def wait(self, seconds: float) -> None:
        """Waits that long, or until the first Ctrl-C."""
        self._event.wait(seconds)

    def take(self) -> bool:
        """Tells, once, that there was a Ctrl-C."""
        if not self._event.is_set() or self._is_taken:
            return False
        self._is_taken = True
        # Cleared, so that `wait` waits again.
        self._event.clear()
        return True

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self._event.is_set() or self._is_taken:
            raise KeyboardInterrupt
        self._event.set()
