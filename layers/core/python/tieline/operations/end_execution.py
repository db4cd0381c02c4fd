"""Ends executions that run here, and those that a crash left behind."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from tieline.flows.limits import MAX_MESSAGE_CHARACTERS
from tieline.operations.records import EXECUTION, execution_of
from tieline.operations.want_execution import want_execution
from tieline.operations.workspace import Workspace, change_execution
from tieline.protocol.execution import Execution, end
from tieline.protocol.states import Desired, Status, StatusCode
from tieline.protocol.values import Json

logger = logging.getLogger(__name__)

PAGE = 500


@dataclass(frozen=True, slots=True)
class Ending:
    """How an execution ends. `output_value` None keeps what was saved while it ran."""

    status: Status
    message: str | None = None
    code: StatusCode | None = None
    output_value: Json = None
    children: int = 0


def end_execution(workspace: Workspace, execution_id: str, how: Ending) -> Execution:
    """Writes the end, durably; an execution that has ended already stays as it is.

    Raises:
        TransientError: the store cannot be used now; to be called again.
    """
    message = None if how.message is None else how.message[:MAX_MESSAGE_CHARACTERS]

    def finish(execution: Execution) -> Execution:
        if execution.is_ended:
            return execution
        run = replace(execution.run, children_count=how.children)
        counted = replace(execution, run=run)
        now = workspace.clock.now()
        return end(counted, how.status, now, message, how.code, how.output_value)

    ended = change_execution(workspace, execution_id, finish)
    logger.info(
        "execution ended",
        extra={
            "action": "execution_changed",
            "execution_id": execution_id,
            "status": ended.run.status.value,
        },
    )
    return ended


def cancel_children(workspace: Workspace, execution_id: str) -> None:
    """Cancels the children that a cancelled execution did not detach.

    To be called before its own end is written, so that a crash in between forgets none.
    """
    for row in workspace.store.children(EXECUTION, execution_id):
        child = execution_of(row).execution
        if not child.is_detached and not child.is_ended:
            want_execution(workspace, child.id, Desired.CANCEL)


def end_after_crash(workspace: Workspace, execution: Execution, message: str) -> None:
    """Ends what nobody runs any more: as `crashed`, or as cancelled when that was wanted.

    Raises:
        TransientError: the store cannot be used now; to be called again.
    """
    how = Ending(Status.ENDED_ERROR, message, StatusCode.CRASHED)
    if execution.control.desired == Desired.CANCEL:
        cancel_children(workspace, execution.id)
        how = Ending(Status.ENDED_CANCELLED)
    end_execution(workspace, execution.id, how)


def recover_executions(workspace: Workspace) -> list[Execution]:
    """Ends what a former process of this workspace left running; gives what waits for a start.

    To be called once at the start, before anything runs and when no old flow process is alive.
    What ran is never started again: how far it came is unknown (I1).
    """
    waiting: dict[str, Execution] = {}
    while True:
        rows = workspace.store.due(workspace.clock.now(), limit=PAGE + len(waiting))
        found = [execution_of(row).execution for row in rows if row.kind == EXECUTION]
        waiting |= {each.id: each for each in found if each.run.status == Status.PENDING}
        left = [each for each in found if each.run.status != Status.PENDING]
        for execution in left:
            message = "the workspace was stopped or crashed while it ran"
            end_after_crash(workspace, execution, message)
        if not left:
            return list(waiting.values())
