"""Works on executions: one flow process per message of the run queue."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from tieline.bootstrap_lambda import open_changes, open_here, open_processes_here
from tieline.operations.run_in_worker import cancel_in_worker, run_in_worker
from tieline.operations.workspace import Workspace
from tieline.ports import Changes, Processes

logger = Logger(service="tieline")
metrics = Metrics(namespace="Tieline")

RESERVE_SECONDS = 30.0
"""Kept free before the function's deadline to end the flow and to write how it ended."""


def handle(
    event: dict[str, Any],
    workspace: Workspace,
    processes: Processes,
    changes: Changes,
    seconds: float,
) -> dict[str, Any]:
    """Gives the failed items of a batch; a flow may run that many seconds."""

    def work(record: SQSRecord) -> None:
        message = record.json_body
        if "cancel" in message:
            cancel_in_worker(workspace, message["cancel"])
        else:
            run_in_worker(workspace, message["run"], processes, changes, seconds)

    result = process_partial_response(
        event=event,
        record_handler=work,
        processor=BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False),
        context=None,
    )
    metrics.add_metric(
        name="MessagesWorked", unit=MetricUnit.Count, value=len(event.get("Records", ()))
    )
    return dict(result)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Is what the Lambda service calls."""
    seconds = max(1.0, context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS)
    result = handle(event, open_here(), open_processes_here(), open_changes(), seconds)
    metrics.flush_metrics()
    return result
