"""SqsErrands: which message goes into which queue, in how many calls."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import EndpointConnectionError

from tieline.adapters.sqs_errands import SqsErrands
from tieline.errors import StoreUnavailableError

QUEUES = {"run": "https://queue/run", "send": "https://queue/send"}


class Client:
    """As much of the SQS client as is called."""

    def __init__(self, refused: str = "") -> None:
        self.sent: list[tuple[str, dict[str, str], int]] = []
        self.refused = refused

    def send_message(self, *, QueueUrl: str, MessageBody: str, DelaySeconds: int) -> None:  # noqa: N803
        if self.refused and self.refused in MessageBody:
            raise EndpointConnectionError(endpoint_url=QueueUrl)
        self.sent.append((QueueUrl, json.loads(MessageBody), DelaySeconds))


def test_each_errand_goes_into_the_queue_of_its_action() -> None:
    client = Client()
    SqsErrands(lambda: client, QUEUES).put([("run", "e", 0), ("send", "l", 15)])
    assert client.sent == [
        ("https://queue/run", {"run": "e"}, 0),
        ("https://queue/send", {"send": "l"}, 15),
    ]


def test_nothing_is_sent_for_no_errands() -> None:
    SqsErrands(lambda: pytest.fail("no client is needed"), QUEUES).put([])


def test_longer_delay_than_sqs_has_is_cut() -> None:
    client = Client()
    SqsErrands(lambda: client, QUEUES).put([("send", "l", 5000)])
    assert client.sent[0][2] == 900


def test_errand_that_fails_stops_no_other_and_is_an_error_of_ours() -> None:
    client = Client(refused="bad")
    errands = [("run", "a", 0), ("run", "bad", 0), ("run", "b", 0)]
    with pytest.raises(StoreUnavailableError, match="1 of 3"):
        SqsErrands(lambda: client, QUEUES).put(errands)
    assert [message for _, message, _ in client.sent] == [{"run": "a"}, {"run": "b"}]
