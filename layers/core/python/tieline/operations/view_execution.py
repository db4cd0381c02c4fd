"""Shows an execution as the REST interface and the flow API give it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from tieline.operations.records import SYNC_CONFIG, read_body
from tieline.operations.workspace import Workspace
from tieline.ports import Store
from tieline.protocol.execution import Execution, Role
from tieline.protocol.link import SyncConfig
from tieline.protocol.values import JsonObject

DELETED_LINK = "(deleted link)"
"""Stands for the name of a link that is gone; a sync config cannot have this name."""

_RUN_BY_THE_PEER = (Role.CONTROLLER, Role.OBSERVED)
_ASKED_FOR_BY_THE_PEER = (Role.EXECUTOR, Role.REPORTED, Role.OBSERVED)

EXECUTION_FIELDS = frozenset(
    {
        "id",
        "name",
        "type",
        "status",
        "status_code",
        "message",
        "input_value",
        "output_value",
        "created_at",
        "started_at",
        "ended_at",
        "parent_execution_id",
        "flow_name",
        "remote_workspace_name",
        "origin",
        "desired",
        "note",
        "log_length",
        "children_count",
        "role",
    }
)


def show_time(at: datetime | None) -> str | None:
    """Gives a time as ISO 8601 in UTC with microseconds and Z, so that text sorts as time does."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def link_names(store: Store, executions: Iterable[Execution]) -> Mapping[str, str]:
    """Gives the names of the links of some executions, by sync config id, in one read."""
    ids = sorted({each.link_id for each in executions if each.link_id is not None})
    rows = store.get_many(SYNC_CONFIG, ids) if ids else {}
    return {key: read_body(SyncConfig, row.body).name for key, row in rows.items()}


def view_execution(
    workspace: Workspace, execution: Execution, names: Mapping[str, str] | None = None
) -> JsonObject:
    """Gives an execution with the fields of `EXECUTION_FIELDS`.

    Args:
        names: what `link_names` gave for a whole page; without it the link is read.
    """
    if names is None:
        names = link_names(workspace.store, [execution])
    link = None
    if execution.link_id is not None:
        link = names.get(execution.link_id, DELETED_LINK)
    return {**_view_identity(execution, link), **_view_run(execution)}


def _view_identity(execution: Execution, link: str | None) -> JsonObject:
    control, run = execution.control, execution.run
    is_remote = execution.role in _RUN_BY_THE_PEER
    is_foreign = execution.role in _ASKED_FOR_BY_THE_PEER
    return {
        "id": execution.id,
        "name": run.name or control.name,
        "type": "FLOW",
        "flow_name": control.flow_name or run.flow_name,
        "role": execution.role.value,
        "origin": f"remote: {link}" if is_foreign else "local",
        "remote_workspace_name": link if is_remote else None,
        "parent_execution_id": execution.parent_id or run.parent_id,
        "input_value": control.input_value,
        "desired": control.desired.value,
        "note": execution.note,
        "created_at": show_time(execution.created_at),
    }


def _view_run(execution: Execution) -> JsonObject:
    run = execution.run
    return {
        "status": run.status.value,
        "status_code": run.status_code.value if run.status_code is not None else None,
        "message": run.message,
        "output_value": run.output_value,
        "started_at": show_time(run.started_at),
        "ended_at": show_time(run.ended_at),
        "log_length": execution.log.length,
        "children_count": run.children_count,
    }
