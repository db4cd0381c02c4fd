"""The one interface to a workspace, wherever it is, and how its answers are read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote

from tieline.errors import InvalidFieldError, PeerUnavailableError, RemoteError
from tieline.protocol.values import Json, JsonObject

BASE_PATH = "/api/latest"

_ACCESS_CURE = "put a valid token into TIELINE_TOKEN (`tieline token create` makes one)"

Query = Mapping[str, str | int]
Body = Mapping[str, Json]


class ProblemError(RemoteError):
    """The workspace refused a request; `document` is the problem document it answered with."""

    def __init__(self, document: Mapping[str, Json]) -> None:
        detail, field = str(document.get("detail", "")), document.get("field")
        super().__init__(f"{field}: {detail}" if field else detail)
        self.document = document
        status = document.get("status")
        self.status = status if isinstance(status, int) else 0
        self.code = str(document.get("code", ""))


class Client(Protocol):
    """A way to a workspace."""

    def request(
        self, method: str, path: str, query: Query | None = None, body: Body | None = None
    ) -> Json:
        """Sends one request and gives the answer; None when there is nothing to say.

        Args:
            path: below `BASE_PATH`, percent-encoded; `path_to` makes it.

        Raises:
            ProblemError: the workspace refused; its text says the cure.
            PeerUnavailableError: there is no answer, or none of a workspace.
        """

    def wake(self) -> bool:
        """Lets the workspace's host look at what changed; tells whether one runs."""

    def close(self) -> None:
        """Closes what is open."""


def path_to(resource: str, *names: str) -> str:
    """Gives the path of a record, or of something of a record.

    Raises:
        InvalidFieldError: a name is empty, which would be the path of something else.
    """
    for name in names:
        if not name:
            raise InvalidFieldError("name", f"is empty; name a {resource}")
    return "/".join(["", resource, *(quote(name, safe="") for name in names)])


def write_body(body: Body | None) -> bytes:
    """Gives the bytes of a body; none for None.

    Raises:
        InvalidFieldError: a number is not finite, which JSON cannot say.
    """
    for name, value in (body or {}).items():
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidFieldError(name, "must be a finite number")
    return b"" if body is None else json.dumps(dict(body)).encode()


def read_answer(status: int, content: bytes) -> Json:
    """Gives the JSON of an answer.

    Raises:
        ProblemError: the answer is a refusal.
        PeerUnavailableError: it was not made by a workspace.
    """
    if status == 204:
        return None
    try:
        found: Json = json.loads(content)
    except ValueError as error:
        raise _no_workspace(status) from error
    if status < 400:
        return found
    if not isinstance(found, dict) or "detail" not in found:
        raise _no_workspace(status)
    if status == 401:
        found["detail"] = f"{found['detail']}; {_ACCESS_CURE}"
    raise ProblemError(found)


def object_of(answer: Json) -> JsonObject:
    """Gives an answer that must be an object.

    Raises:
        PeerUnavailableError: it is none, so no workspace made it.
    """
    if not isinstance(answer, dict):
        raise _no_workspace(200)
    return answer


def _no_workspace(status: int) -> PeerUnavailableError:
    return PeerUnavailableError(
        "broken", f"the answer (HTTP {status}) is not one of a Tieline workspace; check the URL"
    )
