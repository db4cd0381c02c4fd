"""Says what should become of an execution: run, pause or cancel."""

from __future__ import annotations

from dataclasses import replace

from tieline.errors import ForbiddenError
from tieline.operations.workspace import Workspace, change_execution
from tieline.protocol.execution import Execution, Role, change_desired, end
from tieline.protocol.states import Desired, Status

_NOTES = {Desired.CANCEL: "cancel requested", Desired.PAUSE: "pause requested"}


def want_execution(workspace: Workspace, execution_id: str, desired: Desired) -> Execution:
    """Records the wish and hands it on; gives the execution as it stands then.

    The status changes only when the executing side has done it: a cancelled execution is
    ENDED_CANCELLED once its process is gone. A wish for an ended execution changes nothing.

    Raises:
        NotFoundError: there is no such execution.
        ForbiddenError: another workspace controls it.
    """

    def wish(execution: Execution) -> Execution:
        if not execution.owns_control and not execution.is_ended:
            return _wish_for_the_peers(execution, desired)
        return _wished(execution, desired)

    def _wished(execution: Execution, desired: Desired) -> Execution:
        changed = change_desired(execution, desired)
        if changed is execution:
            return execution
        if changed.role == Role.CONTROLLER:
            return replace(changed, note=_NOTES.get(desired))
        if desired == Desired.CANCEL and execution.run.status == Status.PENDING:
            now = workspace.clock.now()
            return end(changed, Status.ENDED_CANCELLED, now, "cancelled before it was started")
        return changed

    return change_execution(workspace, execution_id, wish)


def _wish_for_the_peers(execution: Execution, desired: Desired) -> Execution:
    raise ForbiddenError(
        f"execution {execution.id} is controlled by the workspace that started it; "
        f"ask for {desired} there"
    )
