"""Posts changes to peers: for records of the table's stream, and for messages of its queue.

One link is posted once per batch, however many of its records are in it. A record whose peer
cannot be reached is done with: the sweep of `run_due` tries again, and nobody waits behind it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from tieline.bootstrap_lambda import open_here
from tieline.operations.send_until_quiet import Outcome, Sent, send_until_quiet
from tieline.operations.workspace import Workspace

logger = Logger(service="tieline")
metrics = Metrics(namespace="Tieline")

METRICS = {Outcome.SENT: "ExchangesDone", Outcome.FAILED: "ExchangesFailed"}


def handle(event: dict[str, Any], workspace: Workspace) -> dict[str, Any]:
    """Gives the failed items of a batch; never raises, so that no other record is tried again."""
    is_stream = event["Records"][0]["eventSource"] == "aws:dynamodb"
    kind = EventType.DynamoDBStreams if is_stream else EventType.SQS
    done: dict[str, Sent] = {}

    def post(link_id: str) -> None:
        if link_id not in done:
            done[link_id] = send_until_quiet(workspace, link_id, is_scheduled=not is_stream)

    def post_for_record(record: DynamoDBRecord) -> None:
        image = record.dynamodb.new_image if record.dynamodb else None
        if image and image.get("dirty_link"):
            post(image["dirty_link"])

    def post_for_message(record: SQSRecord) -> None:
        post(record.json_body["send"])

    result = process_partial_response(
        event=event,
        record_handler=post_for_record if is_stream else post_for_message,
        processor=BatchProcessor(kind, raise_on_entire_batch_failure=False),
        context=None,
    )
    count = partial(metrics.add_metric, unit=MetricUnit.Count)
    count(name="LinksLookedAt", value=len(done))
    for sent in done.values():
        if sent.outcome in METRICS:
            count(name=METRICS[sent.outcome], value=1)
    return dict(result)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Is what the Lambda service calls."""
    del context
    result = handle(event, open_here())
    metrics.flush_metrics()
    return result
