"""Receives signed posts of peers: POST .../sync of the HTTP API."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tieline.api.gateway_event import read_posted, write_result
from tieline.bootstrap_lambda import open_here
from tieline.errors import MalformedError, SignatureError
from tieline.operations.receive_post import receive_post, unverified
from tieline.operations.workspace import Workspace

logger = Logger(service="tieline")
metrics = Metrics(namespace="Tieline")

METRICS = {200: "PostsAccepted", 401: "PostsUnauthorized"}


def handle(event: dict[str, Any], workspace: Workspace) -> dict[str, Any]:
    """Gives the proxy result that answers a post."""
    try:
        posted = read_posted(event)
    except MalformedError as error:
        answered = unverified(SignatureError(str(error)))
    else:
        answered = receive_post(workspace, posted)
    name = METRICS.get(answered.status, "PostsRefused")
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)
    return write_result(answered)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Is what the Lambda service calls."""
    del context
    result = handle(event, open_here())
    metrics.flush_metrics()
    return result
