"""Serves the REST interface: every route of the HTTP API but the posts of peers.

It also makes the first token, for who may invoke the function itself: `{"make_token": <name>}`.
No request over HTTP can look like that.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tieline.api.app import handle_event
from tieline.api.gateway_event import without_mapping
from tieline.bootstrap_lambda import open_here
from tieline.operations.manage_tokens import Role, create_token
from tieline.operations.workspace import Workspace

logger = Logger(service="tieline")
metrics = Metrics(namespace="Tieline")


def handle(event: dict[str, Any], workspace: Workspace) -> dict[str, Any]:
    """Gives the proxy result for a request; errors are problem documents."""
    if "requestContext" not in event:
        return make_token(workspace, event["make_token"])
    result = handle_event(workspace, without_mapping(event))
    status = int(result.get("statusCode", 200))
    metrics.add_metric(name=f"Requests{status // 100}xx", unit=MetricUnit.Count, value=1)
    return result


def make_token(workspace: Workspace, name: str) -> dict[str, Any]:
    """Gives a new organization admin's token, which nobody can see again."""
    metrics.add_metric(name="TokensMade", unit=MetricUnit.Count, value=1)
    return {"token": create_token(workspace, name, Role.ORGANIZATION_ADMIN).text}


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Is what the Lambda service calls."""
    del context
    result = handle(event, open_here())
    metrics.flush_metrics()
    return result
