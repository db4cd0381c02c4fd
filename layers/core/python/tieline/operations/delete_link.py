"""Deletes a sync config, and ends what can no longer end by itself."""

from __future__ import annotations

from dataclasses import replace

from tieline.errors import ConflictError, StaleError
from tieline.operations.find_link import find_link
from tieline.operations.find_open import find_open
from tieline.operations.records import LINK, SYNC_CONFIG, load_link_state
from tieline.operations.workspace import WRITE_ATTEMPTS, Workspace, change_execution
from tieline.ports import Change, Delete
from tieline.protocol.execution import Execution, change_desired, end
from tieline.protocol.link import SyncConfig
from tieline.protocol.states import Desired, Status, StatusCode


def delete_link(workspace: Workspace, key: str, *, is_forced: bool = False) -> None:
    """Deletes a sync config, what its link remembers, and its own private key.

    Args:
        key: its id or name.
        is_forced: delete although executions of the link are open. What the peer runs for us is
            noted as lost; what we run for the peer is cancelled.

    Raises:
        UnknownLinkError: there is none of that id or name.
        StaleError: executions are open (says how many); nothing was changed.
    """
    config = find_link(workspace.store, key)
    open_executions = [each.execution for each in find_open(workspace.store, config.id)]
    if open_executions and not is_forced:
        raise StaleError(
            f"{len(open_executions)} executions of sync config {config.name!r} have not ended; "
            "cancel them or wait, or delete with force=true"
        )
    _remove(workspace, config)
    workspace.keys.delete(config.id)
    for execution in open_executions:
        _abandon(workspace, execution, config.name)
    workspace.hints.config_changed(config.id)


def _remove(workspace: Workspace, config: SyncConfig) -> None:
    # The link's row changes with every post, so losing the race is the normal case.
    for _ in range(WRITE_ATTEMPTS):
        row = workspace.store.get(SYNC_CONFIG, config.id)
        if row is None:
            return
        changes: list[Change] = [Delete(SYNC_CONFIG, config.id, row.version)]
        _, version = load_link_state(workspace.store, config.id)
        if version:
            changes.append(Delete(LINK, config.id, version))
        try:
            workspace.store.write(changes)
        except ConflictError:
            continue
        return
    raise ConflictError(SYNC_CONFIG, config.id)


def _abandon(workspace: Workspace, execution: Execution, name: str) -> None:
    now = workspace.clock.now()

    def lose(found: Execution) -> Execution:
        message = f"the link {name!r} to the workspace that ran it was deleted"
        ended = end(found, Status.ENDED_ERROR, now, message, StatusCode.LOST)
        clean = replace(ended.control_mark, dirty=0)
        return found if ended is found else replace(ended, control_mark=clean)

    # The peer owns this wish, but the peer can no longer tell us.
    def cancel(found: Execution) -> Execution:
        wished = change_desired(found, Desired.CANCEL)
        if found.run.status != Status.PENDING:
            return wished
        return end(wished, Status.ENDED_CANCELLED, now, f"the link {name!r} was deleted")

    change_execution(workspace, execution.id, cancel if execution.owns_run else lose)
