"""The workspace: its ports, its identity, and the one way in which it writes executions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tieline.errors import ConflictError
from tieline.operations.records import (
    RANK_START,
    Versioned,
    execution_row,
    load_execution,
    send_rank,
)
from tieline.ports import Change, Clock, Hints, Keys, Put, Runner, Store, Transport
from tieline.protocol.execution import Execution
from tieline.protocol.states import Desired, Status

WRITE_ATTEMPTS = 20
"""Optimistic writes tried before the conflict is passed on; each loser means another won."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes in bytes and counts that this workspace allows."""

    value_bytes: int = 256 * 1024
    script_bytes: int = 256 * 1024
    file_bytes: int = 256 * 1024
    log_bytes: int = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Everything an operation may touch.

    `instance` is random per process start. `epoch` is this database's incarnation.
    """

    name: str
    epoch: int
    instance: str
    store: Store
    keys: Keys
    transport: Transport
    runner: Runner
    hints: Hints
    clock: Clock
    limits: Limits = field(default_factory=Limits)


def write_executions(
    workspace: Workspace, executions: Sequence[Versioned], other: Sequence[Change] = ()
) -> None:
    """Writes executions and other rows in one step, then gives every hint that follows from it.

    This is the only way executions are written, so no hint can be forgotten.

    Raises:
        ConflictError: one of them was changed meanwhile; nothing was written, no hint given.
    """
    puts: list[Change] = [Put(execution_row(each.execution, each.version)) for each in executions]
    workspace.store.write([*puts, *other])
    for each in executions:
        give_hints(workspace, each.execution)


def give_hints(workspace: Workspace, execution: Execution) -> None:
    """Tells the host what follows from an execution as it stands in the store."""
    rank = send_rank(execution)
    if rank is not None and execution.link_id is not None:
        workspace.hints.link_changed(execution.link_id, is_urgent=rank <= RANK_START)
    if execution.owns_run and not execution.is_ended and not execution.is_held:
        if execution.run.status == Status.PENDING:
            workspace.runner.start(execution.id)
        elif execution.control.desired == Desired.CANCEL:
            workspace.runner.cancel(execution.id)
    workspace.hints.execution_changed(execution.id)


def change_execution(
    workspace: Workspace, execution_id: str, change: Callable[[Execution], Execution]
) -> Execution:
    """Reads an execution, changes it, writes it; again from the start when somebody was faster.

    Args:
        change: gives the changed value, or the very same one when there is nothing to do.

    Raises:
        NotFoundError: there is no such execution.
        ConflictError: it was changed by others `WRITE_ATTEMPTS` times in a row.
    """
    for attempt in range(WRITE_ATTEMPTS):
        found = load_execution(workspace.store, execution_id)
        changed = change(found.execution)
        if changed is found.execution:
            return changed
        try:
            write_executions(workspace, [Versioned(changed, found.version)])
        except ConflictError:
            if attempt == WRITE_ATTEMPTS - 1:
                raise
            continue
        return changed
    raise ConflictError("execution", execution_id)
