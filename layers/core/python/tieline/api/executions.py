"""`execution`: what runs or ran, here or behind a link."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le

from tieline.api.bodies import ExecutionBody
from tieline.api.listing import DEFAULT_LIMIT, Limit, page_answer, read_query
from tieline.api.resolver import caller_name, new_router, workspace_now
from tieline.operations.list_records import list_children, list_records, list_with_unlisted
from tieline.operations.read_log import read_log
from tieline.operations.records import EXECUTION, execution_of, load_execution
from tieline.operations.start_execution import Request, start_execution
from tieline.operations.view_execution import EXECUTION_FIELDS, link_names, view_execution
from tieline.operations.want_execution import want_execution
from tieline.operations.workspace import Workspace
from tieline.ports import Row
from tieline.protocol.execution import Execution
from tieline.protocol.states import Desired
from tieline.protocol.values import JsonObject

DEFAULT_LOG_BYTES = 256 * 1024
MAX_LOG_BYTES = 1024 * 1024
"""JSON escapes can double it; a Lambda answer holds 6 MB."""

router = new_router()


@router.get("/api/latest/execution", tags=["execution"])
def list_executions(
    limit: Limit = DEFAULT_LIMIT,
    after: str | None = None,
    filter: str | None = None,  # noqa: A002 - the parameter's name in the URL
    parent_id: str | None = None,
    all_: bool = False,
) -> JsonObject:
    """Lists executions, newest first.

    `parent_id` lists the children of one; `all` also shows what flows here started elsewhere.
    """
    store, view = workspace_now().store, _ViewRow(workspace_now())
    query = read_query(EXECUTION_FIELDS, limit, after, filter, is_newest_first=True)
    if parent_id is not None:
        return page_answer(list_children(store, EXECUTION, parent_id, query, view))
    list_page = list_with_unlisted if all_ else list_records
    return page_answer(list_page(store, EXECUTION, query, view))


@router.post("/api/latest/execution", tags=["execution"], status_code=201)
def create_execution(body: ExecutionBody) -> JsonObject:
    """Starts a flow, here or in the workspace behind the named sync config."""
    minutes = body.max_runtime_minutes
    request = Request(
        flow_name=body.flow_name,
        input_value=body.input_value,
        name=body.name,
        remote_workspace_name=body.remote_workspace_name,
        max_runtime_seconds=None if minutes is None else minutes * 60,
        not_after_seconds=body.not_after_seconds,
        requested_by=caller_name(),
    )
    return _view(start_execution(workspace_now(), request))


@router.get("/api/latest/execution/<execution_id>", tags=["execution"])
def get_execution(execution_id: str) -> JsonObject:
    """Gives an execution."""
    return _view(load_execution(workspace_now().store, execution_id).execution)


@router.get("/api/latest/execution/<execution_id>/log", tags=["execution"])
def get_log(
    execution_id: str,
    from_: Annotated[int, Ge(0)] = 0,
    limit: Annotated[int, Ge(1), Le(MAX_LOG_BYTES)] = DEFAULT_LOG_BYTES,
) -> JsonObject:
    """Gives a part of the log, as JSON lines."""
    part = read_log(workspace_now(), execution_id, from_, limit)
    return {
        "from": part.start,
        "data": part.data,
        "length": part.length,
        "is_truncated": part.is_truncated,
    }


@router.post("/api/latest/execution/<execution_id>/cancel", tags=["execution"], status_code=202)
def cancel_execution(execution_id: str) -> JsonObject:
    """Asks for the end of an execution; it has ended when its status says so."""
    return _want(execution_id, Desired.CANCEL)


@router.post("/api/latest/execution/<execution_id>/pause", tags=["execution"], status_code=202)
def pause_execution(execution_id: str) -> JsonObject:
    """Asks for a pause of an execution."""
    return _want(execution_id, Desired.PAUSE)


@router.post("/api/latest/execution/<execution_id>/resume", tags=["execution"], status_code=202)
def resume_execution(execution_id: str) -> JsonObject:
    """Asks a paused execution to go on."""
    return _want(execution_id, Desired.RUN)


def _want(execution_id: str, desired: Desired) -> JsonObject:
    return _view(want_execution(workspace_now(), execution_id, desired))


def _view(execution: Execution) -> JsonObject:
    return view_execution(workspace_now(), execution)


class _ViewRow:
    """Views rows of one page; the name of each link is read once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._names: dict[str, str] = {}

    def __call__(self, row: Row) -> JsonObject:
        execution = execution_of(row).execution
        if execution.link_id is not None and execution.link_id not in self._names:
            self._names.update(link_names(self._workspace.store, [execution]))
        return view_execution(self._workspace, execution, self._names)
