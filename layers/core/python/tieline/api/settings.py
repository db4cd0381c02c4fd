"""`setting`: JSON values that flows share."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.api_gateway import Response

from tieline.api.bodies import SettingBody, SettingPatch
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
from tieline.operations.records import SETTING
from tieline.ports import Row
from tieline.protocol.values import JsonObject

router = new_router()


@router.get("/api/latest/setting", tags=["setting"])
def list_settings(
    limit: Limit = DEFAULT_LIMIT,
    after: str | None = None,
    filter: str | None = None,  # noqa: A002 - the parameter's name in the URL
) -> JsonObject:
    """Lists settings in the order of their creation."""
    query = read_query(RESOURCE_FIELDS[SETTING], limit, after, filter)
    return list_answer(workspace_now().store, SETTING, query, _view_row)


@router.post("/api/latest/setting", tags=["setting"], status_code=201)
def create_setting(body: SettingBody) -> JsonObject:
    """Creates a setting."""
    return view_resource(SETTING, create_resource(workspace_now(), SETTING, body.name, body.value))


@router.get("/api/latest/setting/<name>", tags=["setting"])
def get_setting(name: str) -> JsonObject:
    """Gives a setting by id or name."""
    return view_resource(SETTING, find_resource(workspace_now().store, SETTING, name))


@router.patch("/api/latest/setting/<name>", tags=["setting"])
def update_setting(name: str, body: SettingPatch) -> JsonObject:
    """Changes the fields that are given."""
    value = body.value if "value" in body.model_fields_set else UNCHANGED
    changed = update_resource(workspace_now(), SETTING, name, name=body.name, value=value)
    return view_resource(SETTING, changed)


@router.delete("/api/latest/setting/<name>", tags=["setting"], status_code=204)
def delete_setting(name: str) -> Response[str]:
    """Deletes a setting."""
    delete_resource(workspace_now(), SETTING, name)
    return Response(status_code=204)


def _view_row(row: Row) -> JsonObject:
    return view_resource(SETTING, resource_of(row))
