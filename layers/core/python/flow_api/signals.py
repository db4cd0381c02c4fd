"""What ends a flow's run from inside; no `except Exception` of a script catches it."""

from __future__ import annotations

import sys


class FlowSignal(BaseException):
    """The run is over, whatever the script does about it."""

    def __init__(self, status: str, message: str | None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def again(self) -> FlowSignal:
        """Gives a fresh signal that says the same, to be raised once more."""
        return type(self)(self.status, self.message)


class EndSignal(FlowSignal):
    """`this.success()` or `this.error()` was called."""


class CancelSignal(FlowSignal):
    """The process was told to terminate."""

    def __init__(
        self, status: str = "ENDED_CANCELLED", message: str | None = "the flow was cancelled"
    ) -> None:
        super().__init__(status, message)


def is_in_flight() -> bool:
    """Tells whether a signal is on its way out through the caller's `finally` or `except`.

    That is how clean-up code, which may go on calling, differs from code that swallowed it.
    """
    error = sys.exc_info()[1]
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, FlowSignal):
            return True
        seen.add(id(error))
        error = error.__context__
    return False
