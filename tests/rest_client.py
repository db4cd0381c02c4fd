"""Calls the REST interface as the embedded host does: HTTP in, event, result, HTTP out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from tieline.api.app import handle_event
from tieline.embedded.bridge import from_result, to_event
from tieline.operations.manage_tokens import LOCAL_ADMIN, Principal
from tieline.operations.workspace import Workspace

BASE = "/api/latest"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def field(self) -> str | None:
        """The field that a problem document names."""
        assert self.headers["content-type"] == "application/problem+json", self.text
        return self.json.get("field")


class RestClient:
    """One workspace's REST interface, seen by one caller; keeps the text of every answer."""

    def __init__(
        self,
        workspace: Workspace,
        principal: Principal | None = LOCAL_ADMIN,
        token: str | None = None,
    ) -> None:
        self.workspace = workspace
        self.seen: list[str] = []
        self._principal = None if token else principal
        self._token = token

    def request(self, method: str, path: str, body: Any = None, **query: Any) -> Reply:
        """Sends one request; `body` is JSON, or bytes as they are; `path` is below the base."""
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        headers = [(b"content-type", b"application/json")]
        if self._token:
            headers.append((b"Authorization", f"Bearer {self._token}".encode()))
        full = path if path.startswith(("/alive", "/ready", "//")) else BASE + path
        event = to_event(
            method, quote(full, safe="/%"), urlencode(query).encode(), headers, raw, "127.0.0.1"
        )
        status, pairs, content = from_result(handle_event(self.workspace, event, self._principal))
        named = {name.decode(): value.decode() for name, value in pairs}
        self.seen.append(repr(named) + content.decode())
        return Reply(status, named, content.decode())

    def get(self, path: str, **query: Any) -> Reply:
        return self.request("GET", path, **query)

    def post(self, path: str, body: Any = None, **query: Any) -> Reply:
        return self.request("POST", path, body, **query)

    def patch(self, path: str, body: Any) -> Reply:
        return self.request("PATCH", path, body)

    def delete(self, path: str, **query: Any) -> Reply:
        return self.request("DELETE", path, **query)
