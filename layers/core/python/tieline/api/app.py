"""The REST interface: one event of API Gateway's HTTP API in, one proxy result out.

Every host calls `handle_event`: a Lambda function with the event that it got, the embedded host
with one made by `embedded.bridge`, the command line with a principal in place of a token.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from aws_lambda_powertools.event_handler.api_gateway import APIGatewayHttpResolver, Response

from tieline.api import about, executions, files, flows, settings, sync_configs, tokens
from tieline.api.access import admit, needed_role
from tieline.api.binding import bind
from tieline.api.problems import (
    answer_flow_error,
    answer_remote_error,
    answer_transient_error,
    answer_unexpected_error,
)
from tieline.api.resolver import Call, ThreadSafeResolver, current_call
from tieline.errors import FlowError, RemoteError, TransientError
from tieline.operations.manage_tokens import Principal
from tieline.operations.workspace import Workspace

_ROUTERS = (about, flows, settings, files, executions, sync_configs, tokens)

Next = Callable[[APIGatewayHttpResolver], Response[Any]]


def handle_event(
    workspace: Workspace, event: dict[str, Any], principal: Principal | None = None
) -> dict[str, Any]:
    """Gives the proxy result (payload format 2.0) for one request; never raises.

    Args:
        event: an HTTP API event of payload format 2.0; `rawPath` is decoded, as API Gateway does.
        principal: who calls, when the host knows it; None: whoever the bearer token says.

    Not done here: `POST .../sync`, the signed posts of peers (`operations.receive_post`).
    """
    resolver = _resolver()
    call = Call(workspace=workspace, event=event, principal=principal, resolver=resolver)
    return resolver.serve(call)


@cache
def _resolver() -> ThreadSafeResolver:
    return build_resolver()


def build_resolver() -> ThreadSafeResolver:
    """Gives a resolver with every route, ready for requests in any number of threads."""
    resolver = ThreadSafeResolver()
    for module in _ROUTERS:
        resolver.include_router(module.router)
    resolver.use([_seal_answer, _admit_caller, _bind_arguments])
    # The handler of the nearest class wins, so the order here means nothing.
    resolver.exception_handler(RemoteError)(answer_remote_error)
    resolver.exception_handler(FlowError)(answer_flow_error)
    resolver.exception_handler(TransientError)(answer_transient_error)
    resolver.exception_handler(Exception)(answer_unexpected_error)
    resolver.build_all()
    return resolver


def _seal_answer(app: APIGatewayHttpResolver, next_middleware: Next) -> Response[Any]:
    response = next_middleware(app)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response


def _admit_caller(app: APIGatewayHttpResolver, next_middleware: Next) -> Response[Any]:
    call = current_call()
    request = app.current_event
    needed = needed_role(request.http_method.upper(), request.path)
    if needed is not None:
        header = request.headers.get("authorization")
        call.principal = admit(call.workspace, call.principal, header, needed)
    return next_middleware(app)


def _bind_arguments(app: APIGatewayHttpResolver, next_middleware: Next) -> Response[Any]:
    route = app.context["_route"]
    event = current_call().event
    app.context["_route_args"] = bind(route.func, app.context["_route_args"], event)
    return next_middleware(app)
