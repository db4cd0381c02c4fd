"""Turns HTTP requests into events of API Gateway's HTTP API, and its results back into HTTP.

So that both hosts run the same routers.

Source: AWS, "Create AWS Lambda proxy integrations for HTTP APIs", payload format 2.0.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

Headers = Sequence[tuple[bytes, bytes]]

_PROTOCOL = "HTTP/1.1"


def to_event(
    method: str,
    raw_path: str,
    query_string: bytes,
    headers: Headers,
    body: bytes,
    source_ip: str,
) -> dict[str, Any]:
    """Gives the event for one request.

    Args:
        raw_path: percent-encoded, without the query. API Gateway decodes it before an integration
            sees it (function URLs do not), so it is decoded here too.
        headers: as ASGI gives them; repeated ones are joined by commas.

    Not done here: `requestId` and the times, which nothing here reads.
    """
    path = _decode_path(raw_path)
    joined, cookies = _join_headers(headers)
    text, is_base64 = _encode_body(body)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query_string.decode("latin-1"),
        "headers": joined,
        "requestContext": {
            "domainName": joined.get("host", ""),
            "http": {
                "method": method.upper(),
                "path": path,
                "protocol": _PROTOCOL,
                "sourceIp": source_ip,
                "userAgent": joined.get("user-agent", ""),
            },
            "routeKey": "$default",
            "stage": "$default",
        },
        "isBase64Encoded": is_base64,
    }
    query = _join_query(query_string)
    # The gateway leaves these three out when they are empty.
    return event | {
        key: value
        for key, value in (("cookies", cookies), ("queryStringParameters", query), ("body", text))
        if value
    }


def from_result(result: Mapping[str, Any]) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Gives status, headers and body of a proxy result.

    A result without `statusCode` is a body by itself and sent as JSON, as the gateway does.
    """
    if "statusCode" not in result:
        return 200, [(b"content-type", b"application/json")], json.dumps(result).encode()
    body = result.get("body") or ""
    content = base64.b64decode(body) if result.get("isBase64Encoded") else body.encode()
    pairs = [(name, str(value)) for name, value in (result.get("headers") or {}).items()]
    pairs += [("set-cookie", cookie) for cookie in result.get("cookies") or []]
    return int(result["statusCode"]), [_encode_header(*pair) for pair in pairs], content


def _decode_path(raw_path: str) -> str:
    return unquote_to_bytes(raw_path).decode("utf-8", errors="replace")


def _join_headers(headers: Headers) -> tuple[dict[str, str], list[str]]:
    joined: dict[str, str] = {}
    cookies: list[str] = []
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name == "cookie":
            cookies += [each for each in value.split("; ") if each]
        else:
            joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined, cookies


def _join_query(query_string: bytes) -> dict[str, str]:
    joined: dict[str, str] = {}
    text = query_string.decode("latin-1")
    for name, value in parse_qsl(text, keep_blank_values=True, errors="replace"):
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _encode_body(body: bytes) -> tuple[str, bool]:
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), True


def _encode_header(name: str, value: str) -> tuple[bytes, bytes]:
    # No line break gets out, whatever a record's name holds: it would begin another header.
    clean = value.replace("\r", " ").replace("\n", " ")
    return name.lower().encode("latin-1"), clean.encode("latin-1", errors="replace")
