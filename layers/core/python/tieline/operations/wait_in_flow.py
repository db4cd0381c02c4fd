"""Waits of a flow: for executions, and for a lock."""

from __future__ import annotations

from collections.abc import Sequence

from tieline.errors import ConflictError, InvalidFieldError, NotFoundError
from tieline.flows.waiting import ReturnWhen, judge_wait
from tieline.operations.flow_session import (
    RECHECK_SECONDS,
    DependencyError,
    FlowSession,
    deadline_of,
    rest,
)
from tieline.operations.lock_setting import try_acquire_setting
from tieline.operations.records import EXECUTION, execution_of
from tieline.protocol.execution import Execution

LOCK_RECHECK_SECONDS = 1.0
"""A lock may be released by another process, which gives no hint here."""


def wait_for(
    session: FlowSession, ids: Sequence[str], return_when: str, timeout: float | None
) -> Sequence[Execution]:
    """Waits for executions and gives them as they stand then, in the order of their ids given.

    Raises:
        DependencyError: one that had to succeed did not, or not within `timeout` seconds.
        NotFoundError, InvalidFieldError: no such execution, no such mode.
        StopRunError: the run must end.
    """
    try:
        mode = ReturnWhen(return_when)
    except ValueError as error:
        allowed = ", ".join(ReturnWhen)
        raise InvalidFieldError("return_when", f"must be one of {allowed}") from error
    deadline = deadline_of(session, timeout)
    watch = session.changes.watch([*ids, session.id])
    try:
        found = _load_all(session, ids)
        while True:
            waited = [found[each] for each in ids]
            verdict = judge_wait([each.run.status for each in waited], mode)
            if verdict.failed is not None:
                raise _dependency_failed(waited[verdict.failed])
            if verdict.is_over:
                return waited
            changed = rest(session, watch.wait, deadline, RECHECK_SECONDS)
            if changed is None:
                raise DependencyError(
                    "DependencyTimeoutError", f"nothing ended as wished within {timeout} seconds"
                )
            open_ids = [each for each in ids if not found[each].is_ended]
            found |= _load_all(session, [each for each in open_ids if each in changed] or open_ids)
    finally:
        watch.close()


def _load_all(session: FlowSession, ids: Sequence[str]) -> dict[str, Execution]:
    rows = session.workspace.store.get_many(EXECUTION, list(ids))
    for execution_id in ids:
        if execution_id not in rows:
            raise NotFoundError(f"execution {execution_id} does not exist")
    return {execution_id: execution_of(row).execution for execution_id, row in rows.items()}


def _dependency_failed(execution: Execution) -> DependencyError:
    run = execution.run
    reason = f": {run.message}" if run.message else ""
    message = f"execution {execution.id} of flow {execution.flow_name!r} ended {run.status}"
    return DependencyError("DependencyFailedError", message + reason, execution)


def acquire_lock(session: FlowSession, name: str, timeout: float | None) -> None:
    """Waits until the setting's lock is the running execution's.

    Raises:
        DependencyError: it was not free within `timeout` seconds.
        StopRunError: the run must end.
    """
    deadline = deadline_of(session, timeout)
    watch = session.changes.watch([f"setting/{name}", session.id])
    try:
        while True:
            try:
                if try_acquire_setting(session.workspace, name, session.id):
                    return
            except ConflictError:
                continue
            if rest(session, watch.wait, deadline, LOCK_RECHECK_SECONDS) is None:
                raise DependencyError(
                    "LockTimeoutError", f"setting {name!r} was not free within {timeout} seconds"
                )
    finally:
        watch.close()
