"""The Powertools resolver, made safe for many requests at the same time.

Powertools keeps the event of a request on a class and the context on the resolver, for a Lambda
serves one request at a time. The embedded host serves several in threads. Here both live in a
context variable, and the middleware stack of every route is built before the first request, since
building it is not safe in threads either.
"""

from __future__ import annotations

import inspect
import re
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools.event_handler.api_gateway import APIGatewayHttpResolver, ResponseBuilder
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from tieline.api.problems import answer_unknown_path
from tieline.operations.manage_tokens import Principal
from tieline.operations.workspace import Workspace

_SEGMENT = r"[^/]+"
_REST = r".+"
REST_PARAMETER = "path"
"""The route parameter that takes the rest of a path, slashes included."""


@dataclass(slots=True)
class Call:
    """One request. `principal` is who calls, None until somebody is known."""

    workspace: Workspace
    event: dict[str, Any]
    principal: Principal | None = None
    resolver: ThreadSafeResolver | None = None
    context: dict[str, Any] = field(default_factory=dict)


_call: ContextVar[Call] = ContextVar("tieline_api_call")


def current_call() -> Call:
    """Gives the request that this thread serves."""
    return _call.get()


def caller_name() -> str:
    """Gives the name of who calls."""
    caller = _call.get().principal
    return caller.name if caller is not None else "nobody"


def workspace_now() -> Workspace:
    """Gives the workspace of the request that this thread serves."""
    return _call.get().workspace


def new_router() -> APIGatewayHttpRouter:
    """Gives an empty router for one module of routes."""
    return APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


class ThreadSafeResolver(APIGatewayHttpResolver):
    """An HTTP API resolver whose state belongs to the request, not to the process."""

    @property
    def current_event(self) -> APIGatewayProxyEventV2:  # type: ignore[override]
        """Gives the event of the request that this thread serves."""
        return APIGatewayProxyEventV2(_call.get().event)

    @property
    def context(self) -> dict[str, Any]:
        """Gives the context of this request; outside of one, a new empty one."""
        call = _call.get(None)
        return {} if call is None else call.context

    @context.setter
    def context(self, value: dict[str, Any]) -> None:
        """Ignores what the parent's constructor sets; there is no context between requests."""

    def serve(self, call: Call) -> dict[str, Any]:
        """Gives the proxy result for one request; not reentrant, but safe in threads."""
        token = _call.set(call)
        try:
            return self._build_response(self._resolve())
        finally:
            _call.reset(token)

    def build_all(self) -> None:
        """Builds the middleware stack of every route; to be called once, after the last route."""
        for route in (*self._static_routes, *self._dynamic_routes):
            if not route._middleware_stack_built:
                route._build_middleware_stack(self._router_middlewares, self)

    def methods_of(self, path: str) -> list[str]:
        """Lists the methods that a path knows, empty for an unknown path."""
        routes = (*self._static_routes, *self._dynamic_routes)
        return sorted({each.method for each in routes if each.rule.match(path)})

    def summaries(self) -> dict[tuple[str, str], str]:
        """Gives the docstring of every route, by lower-case method and OpenAPI path."""
        routes = (*self._static_routes, *self._dynamic_routes)
        return {
            (each.method.lower(), each.openapi_path): inspect.getdoc(each.func) or ""
            for each in routes
        }

    def _handle_not_found(self, method: str, path: str) -> ResponseBuilder[Any]:
        """Answers a path or method without a route; the parent would run all middlewares."""
        response = answer_unknown_path(self.methods_of(path))
        return ResponseBuilder(response=response, serializer=self._serializer)

    @staticmethod
    def _compile_regex(rule: str, base_regex: str = "") -> re.Pattern[str]:
        """Gives the pattern of a rule: a parameter is one whole segment of any characters."""

        def parameter(match: re.Match[str]) -> str:
            name = match.group(1)
            return f"(?P<{name}>{_REST if name == REST_PARAMETER else _SEGMENT})"

        if base_regex or "<" not in rule:
            return re.compile((base_regex or r"{}\Z").format(rule), re.DOTALL)
        return re.compile(re.sub(r"<(\w+)>", parameter, rule) + r"\Z", re.DOTALL)
