"""`sync_config`: the links of this workspace; keys go in and never come out."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.api_gateway import Response

from tieline.api.bodies import LinkBody, LinkPatch
from tieline.api.listing import DEFAULT_LIMIT, Limit, list_answer, read_query
from tieline.api.resolver import new_router, workspace_now
from tieline.operations.find_link import find_link, link_of
from tieline.operations.manage_links import create_link, delete_link, update_link
from tieline.operations.records import SYNC_CONFIG
from tieline.operations.view_link import LINK_FIELDS, view_link, view_link_status
from tieline.ports import Row
from tieline.protocol.values import JsonObject

_PRIVATE = "own_private_key"

router = new_router()


@router.get("/api/latest/sync_config", tags=["sync_config"])
def list_sync_configs(
    limit: Limit = DEFAULT_LIMIT,
    after: str | None = None,
    filter: str | None = None,  # noqa: A002 - the parameter's name in the URL
) -> JsonObject:
    """Lists sync configs in the order of their creation."""
    query = read_query(LINK_FIELDS, limit, after, filter)
    return list_answer(workspace_now().store, SYNC_CONFIG, query, _view_row)


@router.post("/api/latest/sync_config", tags=["sync_config"], status_code=201)
def create_sync_config(body: LinkBody) -> JsonObject:
    """Creates a sync config."""
    changes, private_key = _split(body)
    return view_link(create_link(workspace_now(), changes, own_private_key=private_key))


@router.get("/api/latest/sync_config/<name>", tags=["sync_config"])
def get_sync_config(name: str) -> JsonObject:
    """Gives a sync config by id or name."""
    return view_link(find_link(workspace_now().store, name))


@router.patch("/api/latest/sync_config/<name>", tags=["sync_config"])
def update_sync_config(name: str, body: LinkPatch) -> JsonObject:
    """Changes the fields that are given; an empty `own_private_key` goes back to the
    workspace's key."""
    changes, private_key = _split(body)
    return view_link(update_link(workspace_now(), name, changes, own_private_key=private_key))


@router.delete("/api/latest/sync_config/<name>", tags=["sync_config"], status_code=204)
def delete_sync_config(name: str, force: bool = False) -> Response[str]:
    """Deletes a sync config; `force` also when executions of it are open."""
    delete_link(workspace_now(), name, is_forced=force)
    return Response(status_code=204)


@router.get("/api/latest/sync_config/<name>/status", tags=["sync_config"])
def get_sync_config_status(name: str) -> JsonObject:
    """Tells how the link is."""
    return view_link_status(workspace_now(), find_link(workspace_now().store, name))


@router.post("/api/latest/sync_config/<name>/test", tags=["sync_config"])
def test_sync_config(name: str) -> JsonObject:
    """Tries the link now, step by step."""
    config = find_link(workspace_now().store, name)
    # Imported late: it brings the whole of sending, which no other request needs.
    from tieline.operations.probe_link import probe_link  # noqa: PLC0415

    result = probe_link(workspace_now(), config.name)
    return {
        "is_working": result.is_working,
        "steps": [
            {"name": step.name, "is_ok": step.is_ok, "detail": step.detail} for step in result.steps
        ],
    }


def _split(body: LinkPatch) -> tuple[dict[str, object], str | None]:
    changes: dict[str, object] = body.model_dump(exclude_unset=True)
    private_key = changes.pop(_PRIVATE, None)
    if _PRIVATE in body.model_fields_set and private_key is None:
        private_key = ""
    return changes, private_key if isinstance(private_key, str) else None


def _view_row(row: Row) -> JsonObject:
    return view_link(link_of(row))
