"""Reads events of API Gateway's HTTP API, however they come in front of a function.

A named stage and an API mapping of a custom domain put a prefix before the path; nothing here
depends on which. The body is given as the bytes that were received, since they are signed.

Source: AWS, "Create AWS Lambda proxy integrations for HTTP APIs", payload format 2.0.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from tieline.errors import MalformedError
from tieline.operations.receive_post import Answered, Posted

_SYNC_PATH = re.compile(r"/api/latest/sync_config/([^/]+)/sync/?")
_OWN_PATH = re.compile(r"/(?:api/latest/|alive\Z|ready\Z)")


def read_posted(event: Mapping[str, Any]) -> Posted:
    """Gives the post that an event carries.

    Raises:
        MalformedError: the path names no sync config, or the body is no base64.
    """
    found = _SYNC_PATH.fullmatch(path_below_mapping(event["rawPath"]))
    if found is None:
        raise MalformedError("the path names no sync config")
    headers = list(event.get("headers", {}).items())
    return Posted(config_name=found[1], headers=headers, body=read_body(event))


def path_below_mapping(path: str) -> str:
    """Gives the path without the prefix of a stage or mapping; unknown ones as they are."""
    found = _OWN_PATH.search(path)
    return path if found is None else path[found.start() :]


def without_mapping(event: Mapping[str, Any]) -> dict[str, Any]:
    """Gives the event as it would come over the default stage."""
    path = path_below_mapping(event["rawPath"])
    context = dict(event.get("requestContext", {}), stage="$default")
    return {**event, "rawPath": path, "requestContext": context}


def read_body(event: Mapping[str, Any]) -> bytes:
    """Gives the raw bytes of a request's body.

    Raises:
        MalformedError: it is said to be base64 and is not.
    """
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise MalformedError("the body is no base64") from error


def write_result(answered: Answered) -> dict[str, Any]:
    """Gives the proxy result for an answer; its body is UTF-8."""
    return {
        "statusCode": answered.status,
        "headers": answered.headers,
        "body": answered.body.decode(),
        "isBase64Encoded": False,
    }
