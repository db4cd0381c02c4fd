"""Errors as problem documents: the only place where an error becomes an HTTP answer.

Source: RFC 9457.
"""

from __future__ import annotations

import json
import logging
import math
from http import HTTPStatus

from aws_lambda_powertools.event_handler.api_gateway import Response

from tieline.errors import (
    FlowError,
    InvalidFieldError,
    RemoteError,
    ThrottledError,
    TransientError,
    UnauthenticatedError,
)

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"

RETRY_AFTER_SECONDS = 1
"""Conflicts and a busy store pass in much less; whole seconds are all that the header knows."""


def answer_remote_error(error: RemoteError) -> Response[str]:
    """Answers what the caller did wrong."""
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, UnauthenticatedError) else {}
    field = error.field if isinstance(error, InvalidFieldError) else None
    detail = error.problem if isinstance(error, InvalidFieldError) else str(error)
    return problem(error.status, error.code, detail, field=field, headers=headers)


def answer_flow_error(error: FlowError) -> Response[str]:
    """Answers what is wrong in a script or a value, in words for its author."""
    return problem(422, "invalid-flow", str(error))


def answer_transient_error(error: TransientError) -> Response[str]:
    """Asks the caller to try again."""
    seconds = RETRY_AFTER_SECONDS
    if isinstance(error, ThrottledError):
        seconds = max(seconds, math.ceil(error.retry_after_seconds))
    logger.warning("request postponed", exc_info=error, extra={"action": "request_postponed"})
    return problem(
        503,
        "unavailable",
        "the workspace cannot answer this now; try again",
        headers={"Retry-After": str(seconds)},
    )


def answer_unexpected_error(error: Exception) -> Response[str]:
    """Answers what is ours to mend; the caller learns nothing about it, the log everything."""
    logger.error("request failed", exc_info=error, extra={"action": "request_failed"})
    return problem(500, "internal", "the workspace could not do this; its log says why")


def answer_unknown_path(methods: list[str]) -> Response[str]:
    """Answers a path that nothing is at (404), or nothing for this method (405)."""
    if not methods:
        return problem(404, "not-found", "there is nothing at this path")
    allowed = ", ".join(methods)
    detail = f"this path knows only {allowed}"
    return problem(405, "method-not-allowed", detail, headers={"Allow": allowed})


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    field: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response[str]:
    """Gives a problem document; `field` names the one that is wrong."""
    document: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    if field is not None:
        document["field"] = field
    return Response(
        status_code=status,
        content_type=CONTENT_TYPE,
        body=json.dumps(document),
        headers={"Cache-Control": "no-store", **(headers or {})},
    )
