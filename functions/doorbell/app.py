"""Answers the WebSocket API; ringing comes with a later version, so nobody may connect yet.

An agent that is refused goes on polling, as its link does without a doorbell.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="tieline")
metrics = Metrics(namespace="Tieline")

REFUSAL = '{"code":"no-bell","message":"this version rings no bells; poll instead"}'


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """Gives the result for one route: refuses to connect, lets go of who disconnects."""
    route = event["requestContext"]["routeKey"]
    metrics.add_metric(name="BellsRefused", unit=MetricUnit.Count, value=int(route == "$connect"))
    if route == "$disconnect":
        return {"statusCode": 200}
    headers = {"content-type": "application/json"}
    return {"statusCode": 501, "headers": headers, "body": REFUSAL}


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Is what the Lambda service calls."""
    del context
    result = handle(event)
    metrics.flush_metrics()
    return result
