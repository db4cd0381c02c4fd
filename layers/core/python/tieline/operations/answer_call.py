"""Answers one call of a flow: children, waits, records, locks.

The journal of part 3 has its place here: every call comes with its number in the flow and its
canonical arguments (`flows.calls`), and is answered exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from tieline.errors import (
    ConflictError,
    ForbiddenError,
    InvalidFieldError,
    MalformedError,
    NotFoundError,
    RemoteError,
    TielineError,
)
from tieline.flows import calls
from tieline.flows.messages import View, error_frame, result_frame
from tieline.flows.waiting import ReturnWhen, judge_wait
from tieline.operations.flow_records import (
    delete_record,
    get_record,
    has_record,
    list_page,
    save_record,
)
from tieline.operations.lock_setting import release_setting, try_acquire_setting
from tieline.operations.records import EXECUTION, execution_of, load_execution
from tieline.operations.start_execution import Request, release_execution, start_execution
from tieline.operations.view_execution import link_names, view_execution
from tieline.operations.want_execution import want_execution
from tieline.operations.workspace import Workspace, change_execution
from tieline.ports import Changes, Watch
from tieline.protocol.execution import Execution, change_run
from tieline.protocol.states import Desired, Status
from tieline.protocol.values import Json

RECHECK_SECONDS = 20.0
"""A wait looks at the store this often even if no hint comes; hints may be lost."""
LOCK_RECHECK_SECONDS = 1.0

Frame = dict[str, Json]


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


def answer_call(session: FlowSession, sequence: int, call: calls.Call) -> Frame:
    """Gives the frame that answers a call; what the author did wrong is an exception there.

    Raises:
        StopRunError: the run must end instead.
        TransientError, LocalError: the workspace cannot answer now; the run cannot go on.
    """
    try:
        return result_frame(sequence, _answer(session, sequence, call))
    except DependencyError as error:
        view = None
        if error.execution is not None:
            view = _view(session, error.execution)
        return error_frame(sequence, error.type_name, str(error), view)
    except RemoteError as error:
        return error_frame(sequence, _exception_name(error), str(error))


def _exception_name(error: RemoteError) -> str:
    if isinstance(error, NotFoundError):
        return "ResourceNotFoundError"
    if isinstance(error, ForbiddenError):
        return "PermissionDenied"
    if isinstance(error, MalformedError):
        return "InvalidInputError"
    return "EngineException"


def _answer(session: FlowSession, sequence: int, call: calls.Call) -> Json:  # noqa: C901, PLR0911, PLR0912 - one line per call
    match call:
        case calls.StartChild():
            return _start_child(session, sequence, call)
        case calls.RunChild():
            return _run_child(session, call)
        case calls.Wait():
            found = _wait(session, call.ids, call.return_when, call.timeout)
            return [_view(session, each) for each in found]
        case calls.Cancel():
            return _want(session, call.id, Desired.CANCEL)
        case calls.Pause():
            return _want(session, call.id, Desired.PAUSE)
        case calls.Load():
            return _view(session, load_execution(session.workspace.store, call.id).execution)
        case calls.Save():
            _save(session, call)
        case calls.Sleep():
            _sleep(session, call.seconds)
        case calls.SleepUntil():
            _sleep(session, call.epoch - session.workspace.clock.now().timestamp())
        case calls.PauseSelf():
            want_execution_here(session, Desired.PAUSE)
        case calls.SettingAcquire():
            _acquire(session, call.name, call.timeout)
        case calls.SettingRelease():
            release_setting(session.workspace, call.name)
            session.changes.notify(f"setting/{call.name}")
        case calls.WorkspaceInfo():
            name = session.workspace.name
            return {"name": name, "env": name, "user": session.execution.control.requested_by}
        case _:
            return _answer_about_record(session, call)
    return None


def _answer_about_record(session: FlowSession, call: calls.Call) -> Json:
    match call:
        case calls.ResourceGet():
            return get_record(session.workspace, call)
        case calls.ResourceSave():
            return save_record(session.workspace, call)
        case calls.ResourceDelete():
            delete_record(session.workspace, call)
            return None
        case calls.ResourceExists():
            return has_record(session.workspace, call)
        case calls.ResourceList():
            return list_page(session.workspace, call)
        case _:
            raise MalformedError(f"{call.NAME} is no call")


def _view(session: FlowSession, execution: Execution) -> View:
    if execution.link_id is not None and execution.link_id not in session.link_names:
        session.link_names |= link_names(session.workspace.store, [execution])
    return view_execution(session.workspace, execution, session.link_names)


def _start_child(session: FlowSession, sequence: int, call: calls.StartChild) -> Json:
    if call.protect_inputs or call.protect_outputs:
        raise InvalidFieldError("protect_inputs", "is not available in this version")
    now = session.workspace.clock.now().timestamp()
    minutes = call.max_runtime_minutes
    child = start_execution(
        session.workspace,
        Request(
            flow_name=call.flow_name or "script",
            script=call.script,
            input_value=call.input_value,
            name=call.name,
            remote_workspace_name=call.remote_workspace_name,
            max_runtime_seconds=None if minutes is None else minutes * 60,
            not_after_seconds=None if call.not_after is None else max(1.0, call.not_after - now),
            is_held=call.is_held,
            is_detached=call.is_detached,
            requested_by=session.execution.control.requested_by,
            parent_id=session.id,
            sequence=sequence,
        ),
    )
    session.children += 1
    if call.wait is None:
        return _view(session, child)
    return _view(session, _wait(session, [child.id], call.wait, None)[0])


def _run_child(session: FlowSession, call: calls.RunChild) -> Json:
    child = release_execution(session.workspace, call.id)
    if child.control.desired == Desired.PAUSE:
        child = want_execution(session.workspace, call.id, Desired.RUN)
    if call.wait is None:
        return _view(session, child)
    return _view(session, _wait(session, [child.id], call.wait, None)[0])


def _want(session: FlowSession, execution_id: str, desired: Desired) -> Json:
    return _view(session, want_execution(session.workspace, execution_id, desired))


def want_execution_here(session: FlowSession, desired: Desired) -> None:
    """Records a wish about the calling execution itself."""
    want_execution(session.workspace, session.id, desired)


def _wait(
    session: FlowSession, ids: Sequence[str], return_when: str, timeout: float | None
) -> Sequence[Execution]:
    try:
        mode = ReturnWhen(return_when)
    except ValueError as error:
        allowed = ", ".join(ReturnWhen)
        raise InvalidFieldError("return_when", f"must be one of {allowed}") from error
    deadline = _deadline(session, timeout)
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
            changed = _rest(session, watch.wait, deadline, RECHECK_SECONDS)
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


def _deadline(session: FlowSession, timeout: float | None) -> float | None:
    return None if timeout is None else session.workspace.clock.monotonic() + timeout


def _rest(
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


def _sleep(session: FlowSession, seconds: float) -> None:
    deadline = _deadline(session, max(0.0, seconds))
    watch = session.changes.watch([session.id])
    try:
        while _rest(session, watch.wait, deadline, RECHECK_SECONDS) is not None:
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
        _rest(session, session.own.wait, None, RECHECK_SECONDS)
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


def _save(session: FlowSession, call: calls.Save) -> None:
    def change(execution: Execution) -> Execution:
        run = execution.run
        if call.output_value is not calls.UNSET:
            run = replace(run, output_value=call.output_value)
        if call.message is not calls.UNSET:
            run = replace(run, message=call.message)
        if call.name is not calls.UNSET:
            run = replace(run, name=call.name)
        return change_run(execution, run)

    change_execution(session.workspace, session.id, change)


def _acquire(session: FlowSession, name: str, timeout: float | None) -> None:
    deadline = _deadline(session, timeout)
    watch = session.changes.watch([f"setting/{name}", session.id])
    try:
        while True:
            try:
                if try_acquire_setting(session.workspace, name, session.id):
                    return
            except ConflictError:
                continue
            if _rest(session, watch.wait, deadline, LOCK_RECHECK_SECONDS) is None:
                raise DependencyError(
                    "LockTimeoutError", f"setting {name!r} was not free within {timeout} seconds"
                )
    finally:
        watch.close()
