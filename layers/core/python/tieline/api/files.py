"""`file`: bytes under names that may hold slashes."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.api_gateway import Response

from tieline.api.bodies import FileBody, FilePatch
from tieline.api.listing import DEFAULT_LIMIT, Limit, list_answer, read_query
from tieline.api.resolver import new_router, workspace_now
from tieline.operations.manage_resources import (
    RESOURCE_FIELDS,
    UNCHANGED,
    create_resource,
    delete_resource,
    find_resource,
    resource_of,
    update_resource,
    view_resource,
)
from tieline.operations.records import FILE
from tieline.ports import Row
from tieline.protocol.values import JsonObject

router = new_router()


@router.get("/api/latest/file", tags=["file"])
def list_files(
    limit: Limit = DEFAULT_LIMIT,
    after: str | None = None,
    filter: str | None = None,  # noqa: A002 - the parameter's name in the URL
) -> JsonObject:
    """Lists files in the order of their creation."""
    query = read_query(RESOURCE_FIELDS[FILE], limit, after, filter)
    return list_answer(workspace_now().store, FILE, query, _view_row)


@router.post("/api/latest/file", tags=["file"], status_code=201)
def create_file(body: FileBody) -> JsonObject:
    """Creates a file."""
    return view_resource(FILE, create_resource(workspace_now(), FILE, body.name, body.content))


@router.get("/api/latest/file/<path>", tags=["file"])
def get_file(path: str) -> JsonObject:
    """Gives a file by id or name."""
    return view_resource(FILE, find_resource(workspace_now().store, FILE, path))


@router.patch("/api/latest/file/<path>", tags=["file"])
def update_file(path: str, body: FilePatch) -> JsonObject:
    """Changes the fields that are given."""
    value = body.content if body.content is not None else UNCHANGED
    changed = update_resource(workspace_now(), FILE, path, name=body.name, value=value)
    return view_resource(FILE, changed)


@router.delete("/api/latest/file/<path>", tags=["file"], status_code=204)
def delete_file(path: str) -> Response[str]:
    """Deletes a file."""
    delete_resource(workspace_now(), FILE, path)
    return Response(status_code=204)


def _view_row(row: Row) -> JsonObject:
    return view_resource(FILE, resource_of(row))
