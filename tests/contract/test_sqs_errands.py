"""SqsErrands: which message goes into which queue, in how many calls."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tieline.adapters.sqs_errands import SqsErrands
from tieline.errors import StoreUnavailableError

QUEUES = {"run": "https://queue/run", "send": "https://queue/send"}


class Client:
    """As much of the SQS client as is called; `refused` messages of each call are not taken."""

    def __init__(self, refused: int = 0) -> None:
        self.calls: list[tuple[str, list[dict[str, Any]]]] = []
        self.refused = refused

    def send_message_batch(self, *, QueueUrl: str, Entries: Any) -> Any:  # noqa: N803
        self.calls.append((QueueUrl, list(Entries)))
        return {"Failed": [{}] * self.refused} if self.refused else {}


def test_each_errand_goes_into_the_queue_of_its_action() -> None:
    client = Client()
    SqsErrands(lambda: client, QUEUES).put([("run", "e", 0), ("send", "l", 15)])
    sent = {
        url: [(json.loads(each["MessageBody"]), each["DelaySeconds"]) for each in entries]
        for url, entries in client.calls
    }
    assert sent == {
        "https://queue/run": [({"run": "e"}, 0)],
        "https://queue/send": [({"send": "l"}, 15)],
    }


def test_errands_are_sent_ten_per_call_with_distinct_ids() -> None:
    client = Client()
    SqsErrands(lambda: client, QUEUES).put([("run", str(each), 0) for each in range(25)])
    assert [len(entries) for _, entries in client.calls] == [10, 10, 5]
    for _, entries in client.calls:
        assert len({each["Id"] for each in entries}) == len(entries)


def test_nothing_is_sent_for_no_errands() -> None:
    SqsErrands(lambda: pytest.fail("no client is needed"), QUEUES).put([])


def test_longer_delay_than_sqs_has_is_cut() -> None:
    client = Client()
    SqsErrands(lambda: client, QUEUES).put([("send", "l", 5000)])
    assert client.calls[0][1][0]["DelaySeconds"] == 900


def test_refused_messages_are_an_error_of_ours() -> None:
    with pytest.raises(StoreUnavailableError, match="1 of 2"):
        SqsErrands(lambda: Client(refused=1), QUEUES).put([("run", "a", 0), ("run", "b", 0)])


def test_unreachable_queue_is_an_error_of_ours() -> None:
    class Gone(Client):
        def send_message_batch(self, **request: Any) -> Any:
            raise EndpointConnectionError(endpoint_url="https://queue")

    with pytest.raises(StoreUnavailableError):
        SqsErrands(Gone, QUEUES).put([("run", "a", 0)])
