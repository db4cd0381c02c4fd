"""One run of a flow: what it is to its workspace, and how it waits, sleeps and pauses."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from tieline.errors import TielineError
from tieline.operations.records import load_execution
from tieline.operations.workspace import Workspace, change_execution
from tieline.ports import Changes, Watch
from tieline.protocol.execution import Execution, change_run
from tieline.protocol.states import Desired, Status

RECHECK_SECONDS = 20.0
"""A wait looks at the store this often even if no hint comes; hints may be lost."""


class DependencyError(TielineError):
    """A waited-for execution ended without success, or not in time."""

    def __init__(self, type_name: str, message: str, execution: Execution | None = None) -> None:
        super().__init__(message)
        self.type_name = type_name
        self.execution = execution


class StopRunError(TielineError):
    """The run is to end now: it was cancelled, or its host stops."""


@dataclass(slots=True, kw_only=True)
class FlowSession:
    """What one run of a flow is to its workspace.

    `own` watches the running execution itself. `must_stop` is asked whenever the run waits, and
    `idle` is entered then.
    `link_names` are those looked up before, by sync config id.
    """

    workspace: Workspace
    changes: Changes
    execution: Execution
    own: Watch
    must_stop: Callable[[], bool]
    idle: Callable[[], AbstractContextManager[None]]
    children: int = 0
    link_names: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Gives the id of the execution that runs."""
        return self.execution.id


def deadline_of(session: FlowSession, timeout: float | None) -> float | None:
    """Gives the monotonic time when a timeout in seconds is over, None when there is none."""
    return None if timeout is None else session.workspace.clock.monotonic() + timeout


def rest(
    session: FlowSession,
    wait: Callable[[float | None], Collection[str]],
    deadline: float | None,
    at_most: float,
) -> Collection[str] | None:
    """Waits for a change; gives what changed (nothing: look at all), None when time is up.

    Raises:
        StopRunError: the run must end.
    """
    if session.must_stop():
        raise StopRunError("the run must end")
    left = at_most
    if deadline is not None:
        left = min(left, deadline - session.workspace.clock.monotonic())
        if left <= 0:
            return None
    with session.idle():
        changed = wait(left)
    if session.must_stop():
        raise StopRunError("the run must end")
    return changed


def sleep(session: FlowSession, seconds: float) -> None:
    """Holds the run for that long; nothing at all when the time is past.

    Raises:
        StopRunError: the run must end.
    """
    deadline = deadline_of(session, max(0.0, seconds))
    watch = session.changes.watch([session.id])
    try:
        while rest(session, watch.wait, deadline, RECHECK_SECONDS) is not None:
            pass
    finally:
        watch.close()


def pause_while_wanted(session: FlowSession) -> None:
    """Holds the run, shown as PAUSED, for as long as somebody wants it paused.

    Looks at the store only after a hint that the execution changed.

    Raises:
        StopRunError: the run must end.
    """
    if not session.own.take() or not _is_pause_wanted(session):
        return
    _show_status(session, Status.PAUSED)
    while _is_pause_wanted(session):
        rest(session, session.own.wait, None, RECHECK_SECONDS)
    _show_status(session, Status.RUNNING)


def _is_pause_wanted(session: FlowSession) -> bool:
    current = load_execution(session.workspace.store, session.id).execution
    return current.control.desired == Desired.PAUSE


def _show_status(session: FlowSession, status: Status) -> None:
    def change(execution: Execution) -> Execution:
        if execution.is_ended:
            return execution
        run = replace(execution.run, status=status, control_seen=execution.control_mark.rev)
        return change_run(execution, run)

    change_execution(session.workspace, session.id, change)
