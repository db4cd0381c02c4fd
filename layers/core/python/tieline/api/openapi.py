"""The OpenAPI document, from the signatures and docstrings of the routes."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer, SecurityScheme

from tieline import __version__
from tieline.api.access import PUBLIC_PATHS
from tieline.api.resolver import ThreadSafeResolver

_PROBLEM = {
    "description": "What is wrong, as a problem document (RFC 9457)",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "detail", "code"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                    "code": {"type": "string"},
                    "field": {"type": "string"},
                },
            }
        }
    },
}


@cache
def write_document(resolver: ThreadSafeResolver) -> str:
    """Gives the document as JSON text; made once per resolver."""
    schemes: dict[str, SecurityScheme] = {"token": HTTPBearer()}
    text = resolver.get_openapi_json_schema(
        title="Tieline",
        version=__version__,
        description="Workspaces, their flows, and the links between them.",
        security_schemes=schemes,
        security=[{"token": []}],
    )
    document: dict[str, Any] = json.loads(text)
    summaries = resolver.summaries()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            summary, _, description = summaries[method, path].partition("\n\n")
            operation["summary"] = summary.replace("\n", " ").rstrip(".")
            if description:
                operation["description"] = description.replace("\n", " ")
            _finish(path, operation)
    return json.dumps(document, separators=(",", ":"))


def _finish(path: str, operation: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", []):
        # `from` and `all` are no names for Python's arguments, so they carry a `_` there.
        parameter["name"] = parameter["name"].removesuffix("_")
        parameter["schema"].pop("title", None)
    responses = operation["responses"]
    responses.pop("422", None)
    responses["default"] = _PROBLEM
    if path in PUBLIC_PATHS:
        operation["security"] = []
