"""What SqsRunner sends, and that it never stands in the way."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from botocore.exceptions import NoRegionError

from contract.aws import client_of
from tieline.adapters.sqs_runner import MAX_DELAY_SECONDS, SqsRunner

RUN = "019df2dc-1d88-76bd-8cd4-dce950eabc83"


@pytest.fixture
def client(cloud: None) -> Any:
    return client_of("sqs")


@pytest.fixture
def queue_url(client: Any) -> str:
    return str(client.create_queue(QueueName="runs")["QueueUrl"])


@pytest.fixture
def runner(client: Any, queue_url: str) -> SqsRunner:
    return SqsRunner(lambda: client, queue_url)


def received(client: Any, queue_url: str) -> list[object]:
    answer = client.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
    return [json.loads(each["Body"]) for each in answer.get("Messages", ())]


def test_message_says_what_is_to_be_done(runner: SqsRunner, client: Any, queue_url: str) -> None:
    runner.start(RUN)
    runner.cancel(RUN)
    runner.send_link("l")
    expected = [{"run": RUN}, {"cancel": RUN}, {"send": "l"}]
    assert sorted(map(str, received(client, queue_url))) == sorted(map(str, expected))


def test_starting_twice_is_two_hints(runner: SqsRunner, client: Any, queue_url: str) -> None:
    runner.start(RUN)
    runner.start(RUN)
    assert received(client, queue_url) == [{"run": RUN}] * 2


@pytest.mark.parametrize(("asked", "delay"), [(-1, 0), (7, 7), (5000, MAX_DELAY_SECONDS)])
def test_delay_is_kept_within_what_the_queue_takes(asked: int, delay: int) -> None:
    sent: list[Any] = []

    class Queue:
        def send_message(self, **arguments: Any) -> None:
            sent.append(arguments["DelaySeconds"])

    SqsRunner(Queue, "url").send_link("l", asked)
    assert sent == [delay]


def test_hint_that_cannot_be_sent_is_logged_and_not_raised(
    client: Any, queue_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    runner = SqsRunner(lambda: client, queue_url + "-gone")
    with caplog.at_level(logging.WARNING):
        runner.start(RUN)
        runner.cancel(RUN)
        runner.send_link("l")
    assert [(each.action, each.hint, each.id) for each in caplog.records] == [  # type: ignore[attr-defined]
        ("hint_lost", "run", RUN),
        ("hint_lost", "cancel", RUN),
        ("hint_lost", "send", "l"),
    ]


def test_missing_region_is_logged_like_any_lost_hint(caplog: pytest.LogCaptureFixture) -> None:
    def client() -> Any:
        raise NoRegionError

    with caplog.at_level(logging.WARNING):
        SqsRunner(client, "url").start(RUN)
    assert len(caplog.records) == 1
