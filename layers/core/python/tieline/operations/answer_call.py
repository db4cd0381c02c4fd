"""Answers one call of a flow: children, waits, records, locks.

The journal of part 3 has its place here: every call comes with its number in the flow and its
canonical arguments (`flows.calls`), and is answered exactly once.
"""

from __future__ import annotations

from dataclasses import replace

from tieline.errors import (
    ForbiddenError,
    InvalidFieldError,
    MalformedError,
    NotFoundError,
    RemoteError,
)
from tieline.flows import calls
from tieline.flows.messages import View, error_frame, result_frame
from tieline.operations.flow_records import (
    delete_record,
    get_record,
    has_record,
    list_page,
    save_record,
)
from tieline.operations.flow_session import DependencyError, FlowSession, sleep
from tieline.operations.lock_setting import release_setting
from tieline.operations.records import load_execution
from tieline.operations.start_execution import Request, release_execution, start_execution
from tieline.operations.view_execution import link_names, view_execution
from tieline.operations.wait_in_flow import acquire_lock, wait_for
from tieline.operations.want_execution import want_execution
from tieline.operations.workspace import change_execution
from tieline.protocol.execution import Execution, change_run
from tieline.protocol.states import Desired
from tieline.protocol.values import Json

Frame = dict[str, Json]


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
            found = wait_for(session, call.ids, call.return_when, call.timeout)
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
            sleep(session, call.seconds)
        case calls.SleepUntil():
            sleep(session, call.epoch - session.workspace.clock.now().timestamp())
        case calls.PauseSelf():
            want_execution(session.workspace, session.id, Desired.PAUSE)
        case calls.SettingAcquire():
            acquire_lock(session, call.name, call.timeout)
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
    return _view(session, wait_for(session, [child.id], call.wait, None)[0])


def _run_child(session: FlowSession, call: calls.RunChild) -> Json:
    child = release_execution(session.workspace, call.id)
    if child.control.desired == Desired.PAUSE:
        child = want_execution(session.workspace, call.id, Desired.RUN)
    if call.wait is None:
        return _view(session, child)
    return _view(session, wait_for(session, [child.id], call.wait, None)[0])


def _want(session: FlowSession, execution_id: str, desired: Desired) -> Json:
    return _view(session, want_execution(session.workspace, execution_id, desired))


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
