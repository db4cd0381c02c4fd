"""`workspace`, `/alive`, `/ready` and the OpenAPI document."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.api_gateway import Response

from tieline import __version__
from tieline.api.access import OPENAPI_PATH
from tieline.api.resolver import current_call, new_router, workspace_now
from tieline.operations.read_workspace import SELF, read_identity
from tieline.operations.records import WORKSPACE
from tieline.operations.view_execution import show_time
from tieline.protocol.values import JsonObject

router = new_router()


@router.get("/api/latest/workspace", tags=["workspace"])
def get_workspace() -> JsonObject:
    """Tells who this workspace is; its public key is what peers paste."""
    identity = read_identity(workspace_now().store)
    return {
        "name": identity.name,
        "version": __version__,
        "epoch": workspace_now().epoch,
        "public_key": identity.public_key,
        "fingerprint": identity.thumbprint,
        "created_at": show_time(identity.created_at),
    }


@router.get("/alive", tags=["health"])
def get_alive() -> JsonObject:
    """Tells that the process answers."""
    return {"status": "alive"}


@router.get("/ready", tags=["health"])
def get_ready() -> JsonObject:
    """Tells that the store answers; 503 when it does not."""
    workspace_now().store.get(WORKSPACE, SELF)
    return {"status": "ready"}


@router.get(OPENAPI_PATH, include_in_schema=False)
def get_openapi() -> Response[str]:
    """Gives the OpenAPI document of this interface."""
    # Imported late: generating schemas loads more than everything else here together.
    from tieline.api.openapi import write_document  # noqa: PLC0415

    resolver = current_call().resolver
    assert resolver is not None
    return Response(status_code=200, content_type="application/json", body=write_document(resolver))
