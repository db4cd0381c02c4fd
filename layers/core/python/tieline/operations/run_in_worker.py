"""Runs one execution in a worker whose time is limited, and that nobody else can reach.

The worker sees a wish to cancel by looking at the store. A flow that outlives its worker ends as
`timeout`; resuming it elsewhere comes with the journal.
"""

from __future__ import annotations

import logging

from tieline.errors import LocalError, NotFoundError, TransientError
from tieline.operations.end_execution import Ending, end_execution
from tieline.operations.records import load_execution
from tieline.operations.run_flow import Control, run_flow, stop_process
from tieline.operations.workspace import Workspace
from tieline.ports import Changes, Processes
from tieline.protocol.states import Desired, Status, StatusCode

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""How soon a wish to cancel is seen; 30 reads per minute of a flow's run time."""
CANCEL_BEFORE_START = "cancelled before it was started"


class WorkerRun:
    """One run in a worker: the deadline and the look-out for a wish to cancel."""

    def __init__(
        self, workspace: Workspace, execution_id: str, changes: Changes, seconds: float
    ) -> None:
        """Takes how long the run may last."""
        self._workspace = workspace
        self._id = execution_id
        self._changes = changes
        self._seconds = seconds
        self._is_over = False
        self.control = Control()

    def run(self, processes: Processes) -> None:
        """Runs the execution to its end or the deadline."""
        off = self._changes.call_later(self._seconds, self.expire)
        self._changes.call_later(LOOK_SECONDS, self.look)
        try:
            run_flow(self._workspace, self._id, processes, self._changes, self.control)
        finally:
            self._is_over = True
            off()

    def expire(self) -> None:
        """Ends the run because the worker's time is over; the run itself writes its end."""
        self.control.time_is_up = (
            f"did not end within the {self._seconds:.0f} seconds that this host gives a flow"
        )
        self._stop()

    def look(self) -> None:
        """Looks whether somebody wants the run cancelled; again and again until it is over."""
        if self._is_over:
            return
        try:
            execution = load_execution(self._workspace.store, self._id).execution
        except (TransientError, NotFoundError):
            logger.warning("look-out failed", extra=self._facts("look_failed"))
        else:
            if execution.control.desired == Desired.CANCEL and not execution.is_ended:
                self.control.is_cancelled = True
                self._stop()
                return
        self._changes.call_later(LOOK_SECONDS, self.look)

    def _stop(self) -> None:
        if self.control.process is not None:
            stop_process(self.control.process, self._changes)
        self._changes.notify(self._id)

    def _facts(self, action: str) -> dict[str, str]:
        return {"action": action, "execution_id": self._id}


def run_in_worker(
    workspace: Workspace,
    execution_id: str,
    processes: Processes,
    changes: Changes,
    seconds: float,
) -> None:
    """Runs the execution to its end, for at most `seconds`; nothing when it is not to be run.

    Raises:
        TransientError: the store cannot be used; if the run had begun, the sweep ends it.
    """
    try:
        WorkerRun(workspace, execution_id, changes, seconds).run(processes)
    except LocalError as error:
        logger.exception("run failed", extra={"action": "run_failed", "execution_id": execution_id})
        message = f"its runner failed: {type(error).__name__}"
        how = Ending(Status.ENDED_ERROR, message, StatusCode.CRASHED)
        end_execution(workspace, execution_id, how)


def cancel_in_worker(workspace: Workspace, execution_id: str) -> None:
    """Ends an execution that is to be cancelled and never ran; a running one sees it itself."""
    try:
        execution = load_execution(workspace.store, execution_id).execution
    except NotFoundError:
        return
    is_waiting = execution.owns_run and execution.run.status == Status.PENDING
    if is_waiting and execution.control.desired == Desired.CANCEL:
        end_execution(workspace, execution_id, Ending(Status.ENDED_CANCELLED, CANCEL_BEFORE_START))
