"""Creates an execution, here or in the workspace behind a link."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from tieline.errors import (
    DisabledError,
    ForbiddenError,
    InvalidFieldError,
    NotFoundError,
    OutputError,
    TooLargeError,
    UnknownLinkError,
)
from tieline.operations.manage_resources import find_resource
from tieline.operations.records import (
    FLOW,
    Versioned,
    load_config,
    load_execution,
    load_link_state,
)
from tieline.operations.workspace import Workspace, change_execution, write_executions
from tieline.protocol.execution import Control, Execution, Mark, Role, Run
from tieline.protocol.ids import new_id
from tieline.protocol.link import SyncConfig, may_start_there
from tieline.protocol.states import Desired, Status
from tieline.protocol.values import Json, check_json, dump_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody wants to run. `remote_workspace_name` names a sync config; None is here.

    `flow_name` may be the id of a flow when it runs here.
    """

    flow_name: str
    script: str | None = None
    input_value: Json = None
    name: str | None = None
    remote_workspace_name: str | None = None
    max_runtime_seconds: float | None = None
    not_after_seconds: float | None = None
    is_held: bool = False
    is_detached: bool = False
    requested_by: str | None = None
    parent_id: str | None = None
    sequence: int | None = None


def start_execution(workspace: Workspace, request: Request) -> Execution:
    """Creates the execution and sees that it runs soon, unless it is held back.

    Raises:
        NotFoundError: no such flow here; a flow that is to run elsewhere is looked up there.
        UnknownLinkError: no sync config of that name.
        ForbiddenError: the link is disabled, or this side may not start flows there.
        InvalidFieldError: a value is not JSON. TooLargeError: it is over the cap.
    """
    _check_input(workspace, request)
    if request.remote_workspace_name is None:
        execution = _local(workspace, request)
    else:
        execution = _remote(workspace, request, request.remote_workspace_name)
    write_executions(workspace, [Versioned(execution)])
    return execution


def release_execution(workspace: Workspace, execution_id: str) -> Execution:
    """Lets an execution run that was created held back; harmless when it is not."""

    def release(execution: Execution) -> Execution:
        return replace(execution, is_held=False) if execution.is_held else execution

    return change_execution(workspace, execution_id, release)


def _check_input(workspace: Workspace, request: Request) -> None:
    try:
        check_json(request.input_value, "input_value")
    except OutputError as error:
        raise InvalidFieldError("input_value", str(error)) from error
    if len(dump_json(request.input_value).encode()) > workspace.limits.value_bytes:
        raise TooLargeError(f"input_value is larger than {workspace.limits.value_bytes} bytes")


def _local(workspace: Workspace, request: Request) -> Execution:
    if request.script is None:
        try:
            found = find_resource(workspace.store, FLOW, request.flow_name)
        except NotFoundError as error:
            raise NotFoundError(
                f"flow {request.flow_name!r} does not exist in workspace {workspace.name!r}"
            ) from error
        request = replace(request, flow_name=found.name)
    return _new(workspace, request, role=_local_role(workspace, request))


def _local_role(workspace: Workspace, request: Request) -> tuple[Role, str | None]:
    """A child of what a link started is reported to that link when its sync config says so."""
    if request.parent_id is None:
        return Role.LOCAL, None
    parent = load_execution(workspace.store, request.parent_id).execution
    if parent.sends_run and parent.run.is_listed:
        return Role.REPORTED, parent.link_id
    return Role.LOCAL, None


def _remote(workspace: Workspace, request: Request, link_name: str) -> Execution:
    if request.script is not None:
        raise InvalidFieldError("script", "an inline script runs in its own workspace only")
    config = _usable_config(workspace, link_name)
    state, _ = load_link_state(workspace.store, config.id)
    created = _new(workspace, request, role=(Role.CONTROLLER, config.id))
    seconds = request.not_after_seconds or config.not_after_seconds
    control = replace(
        created.control,
        target_epoch=state.peer_epoch,
        not_after=workspace.clock.now() + timedelta(seconds=seconds),
    )
    return replace(created, control=control, control_mark=Mark(rev=1, dirty=1))


def _usable_config(workspace: Workspace, link_name: str) -> SyncConfig:
    try:
        config = load_config(workspace.store, link_name)
    except UnknownLinkError as error:
        raise UnknownLinkError(
            f"remote workspace {link_name!r} is unknown: no sync config has that name"
        ) from error
    if not config.is_enabled:
        raise DisabledError(f"the link to remote workspace {link_name!r} is disabled")
    if not may_start_there(config):
        raise ForbiddenError(
            f"this workspace may not start flows in remote workspace {link_name!r}: its sync "
            f"config has control = {config.control}"
            + (" and no remote_url" if config.control == "auto" else "")
        )
    return config


def _new(workspace: Workspace, request: Request, role: tuple[Role, str | None]) -> Execution:
    now = workspace.clock.now()
    is_reported = role[0] == Role.REPORTED
    run = Run(status=Status.PENDING, created_at=now)
    if is_reported:
        run = replace(
            run,
            parent_id=request.parent_id,
            is_listed=True,
            flow_name=request.flow_name,
            name=request.name,
        )
    return Execution(
        id=new_id(now, workspace.clock.random_bytes(10)),
        role=role[0],
        link_id=role[1],
        created_at=now,
        parent_id=request.parent_id,
        sequence=request.sequence,
        is_detached=request.is_detached,
        is_held=request.is_held,
        control=Control(
            flow_name=request.flow_name,
            script=request.script,
            input_value=request.input_value,
            name=request.name,
            desired=Desired.RUN,
            max_runtime_seconds=request.max_runtime_seconds,
            requested_by=request.requested_by,
        ),
        run=run,
        run_mark=Mark(rev=1, dirty=1) if is_reported else Mark(),
    )
