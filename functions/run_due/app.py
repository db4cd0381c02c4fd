"""Sweeps once a minute: hands over what falls due, repairs what lost its hint."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tieline.bootstrap_lambda import open_errands, open_here
from tieline.operations.run_due import ErrandQueue, run_due
from tieline.operations.workspace import Workspace

logger = Logger(service="tieline")
metrics = Metrics(namespace="Tieline")


def handle(event: dict[str, Any], workspace: Workspace, queue: ErrandQueue) -> dict[str, int]:
    """Gives how many errands were queued, and how many executions had lost their worker."""
    del event
    sweep = run_due(workspace)
    queue.put([(each.action.value, each.id, each.delay_seconds) for each in sweep.errands])
    counts = {"errands": len(sweep.errands), "ended": sweep.ended}
    metrics.add_metric(name="ErrandsQueued", unit=MetricUnit.Count, value=counts["errands"])
    metrics.add_metric(name="WorkersLost", unit=MetricUnit.Count, value=counts["ended"])
    return counts


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Is what the Lambda service calls."""
    del context
    result = handle(event, open_here(), open_errands())
    metrics.flush_metrics()
    return result
