"""Flows, settings, files and executions as the flow API reads and writes them."""

from __future__ import annotations

from tieline.errors import InvalidFieldError, NotFoundError
from tieline.flows.calls import (
    ResourceDelete,
    ResourceExists,
    ResourceGet,
    ResourceList,
    ResourceSave,
)
from tieline.operations.list_records import MAX_LIMIT, Query, list_records
from tieline.operations.manage_resources import (
    RESOURCE_FIELDS,
    UNCHANGED,
    VALUE_FIELDS,
    Unchanged,
    create_resource,
    delete_resource,
    find_resource,
    resource_of,
    update_resource,
    view_resource,
)
from tieline.operations.record_filter import parse_filters
from tieline.operations.records import EXECUTION, execution_of
from tieline.operations.view_execution import EXECUTION_FIELDS, view_execution
from tieline.operations.workspace import Workspace
from tieline.protocol.values import Json, JsonObject, dump_json

_EMPTY_VALUES: dict[str, Json] = {"flow": "", "setting": None, "file": ""}


def get_record(workspace: Workspace, call: ResourceGet) -> JsonObject:
    """Gives a record's fields.

    Raises:
        NotFoundError: there is none of that id or name.
    """
    _check(call.kind, call.remote_workspace_name)
    return view_resource(call.kind, find_resource(workspace.store, call.kind, call.name))


def has_record(workspace: Workspace, call: ResourceExists) -> bool:
    """Tells whether there is a record of that id or name."""
    _check(call.kind, call.remote_workspace_name)
    try:
        find_resource(workspace.store, call.kind, call.name)
    except NotFoundError:
        return False
    return True


def save_record(workspace: Workspace, call: ResourceSave) -> JsonObject:
    """Writes fields of a record and creates it when there is none; gives its fields.

    Raises:
        InvalidFieldError: names the field that is wrong.
    """
    _check(call.kind, call.remote_workspace_name)
    value_field = VALUE_FIELDS[call.kind]
    fields = dict(call.fields)
    name = fields.pop("name", None)
    if name is not None and not isinstance(name, str):
        raise InvalidFieldError("name", "must be text")
    value = fields.pop(value_field, UNCHANGED)
    if fields:
        raise InvalidFieldError(next(iter(fields)), f"is not a field of a {call.kind}")
    try:
        record = update_resource(workspace, call.kind, call.name, name=name, value=value)
    except NotFoundError:
        initial = _EMPTY_VALUES[call.kind] if isinstance(value, Unchanged) else value
        record = create_resource(workspace, call.kind, name or call.name, initial)
    return view_resource(call.kind, record)


def delete_record(workspace: Workspace, call: ResourceDelete) -> None:
    """Removes a record.

    Raises:
        NotFoundError: there is none of that id or name.
    """
    _check(call.kind, call.remote_workspace_name)
    delete_resource(workspace, call.kind, call.name)


def list_page(workspace: Workspace, call: ResourceList) -> JsonObject:
    """Gives one page of records as `items`, and `next`, the cursor of the page behind it."""
    is_execution = call.kind == EXECUTION
    if not is_execution:
        _check(call.kind, call.remote_workspace_name)
    known = EXECUTION_FIELDS if is_execution else RESOURCE_FIELDS[call.kind]
    query = Query(
        limit=max(1, min(call.limit, MAX_LIMIT)),
        after=call.after,
        filters=parse_filters(dump_json(call.filter) if call.filter else None, known),
        is_newest_first=is_execution,
    )
    if is_execution:
        page = list_records(
            workspace.store,
            EXECUTION,
            query,
            lambda row: view_execution(workspace, execution_of(row).execution),
        )
    else:
        page = list_records(
            workspace.store,
            call.kind,
            query,
            lambda row: view_resource(call.kind, resource_of(row)),
        )
    return {"items": list(page.items), "next": page.next}


def _check(kind: str, remote_workspace_name: str | None) -> None:
    if kind not in VALUE_FIELDS:
        raise InvalidFieldError("kind", f"must be one of {', '.join(VALUE_FIELDS)}")
    if remote_workspace_name is not None:
        raise InvalidFieldError(
            "remote_workspace_name", "records of other workspaces cannot be read in this version"
        )
