"""`flow`: scripts that executions run."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.api_gateway import Response

from tieline.api.bodies import FlowBody, FlowPatch
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
from tieline.operations.records import FLOW
from tieline.ports import Row
from tieline.protocol.values import JsonObject

router = new_router()


@router.get("/api/latest/flow", tags=["flow"])
def list_flows(
    limit: Limit = DEFAULT_LIMIT,
    after: str | None = None,
    filter: str | None = None,  # noqa: A002 - the parameter's name in the URL
) -> JsonObject:
    """Lists flows in the order of their creation."""
    query = read_query(RESOURCE_FIELDS[FLOW], limit, after, filter)
    return list_answer(workspace_now().store, FLOW, query, _view_row)


@router.post("/api/latest/flow", tags=["flow"], status_code=201)
def create_flow(body: FlowBody) -> JsonObject:
    """Creates a flow."""
    return view_resource(FLOW, create_resource(workspace_now(), FLOW, body.name, body.script))


@router.get("/api/latest/flow/<name>", tags=["flow"])
def get_flow(name: str) -> JsonObject:
    """Gives a flow by id or name."""
    return view_resource(FLOW, find_resource(workspace_now().store, FLOW, name))


@router.patch("/api/latest/flow/<name>", tags=["flow"])
def update_flow(name: str, body: FlowPatch) -> JsonObject:
    """Changes the fields that are given."""
    value = body.script if body.script is not None else UNCHANGED
    changed = update_resource(workspace_now(), FLOW, name, name=body.name, value=value)
    return view_resource(FLOW, changed)


@router.delete("/api/latest/flow/<name>", tags=["flow"], status_code=204)
def delete_flow(name: str) -> Response[str]:
    """Deletes a flow."""
    delete_resource(workspace_now(), FLOW, name)
    return Response(status_code=204)


def _view_row(row: Row) -> JsonObject:
    return view_resource(FLOW, resource_of(row))
