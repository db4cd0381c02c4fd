"""The handlers as the Lambda service calls them: environment in, clients of moto, logs out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from contract.aws import ENVIRONMENT, local_cloud
from lambda_functions import FUNCTIONS, load, sample
from tieline import bootstrap_lambda
from tieline.adapters.dynamodb_table import table_request
from tieline.errors import SettingsError


@dataclass
class Context:
    """As much of Lambda's context as is read."""

    function_name: str = "function"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:000000000000:function:function"
    aws_request_id: str = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def _forget() -> None:
    for opened in (bootstrap_lambda.open_here, bootstrap_lambda.open_errands):
        opened.cache_clear()


@pytest.fixture(scope="module")
def stack() -> Iterator[pytest.MonkeyPatch]:
    """Gives the environment of an empty stack that got its first call."""
    with pytest.MonkeyPatch.context() as environment, local_cloud():
        for name, value in ENVIRONMENT.items():
            environment.setenv(name, value)
        sqs = boto3.client("sqs")
        queues = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("run", "send")]
        boto3.client("dynamodb").create_table(**table_request("table"))
        for name, value in {
            "TIELINE_WORKSPACE_NAME": "factory",
            "TIELINE_TABLE": "table",
            "TIELINE_KEY_SECRET": "tieline/factory",
            "TIELINE_QUEUE_URL": queues[0],
            "TIELINE_SEND_QUEUE_URL": queues[1],
            "TIELINE_BLOB_BUCKET": "bucket",
            "POWERTOOLS_SERVICE_NAME": "factory",
        }.items():
            environment.setenv(name, value)
        _forget()
        environment.setenv("FIRST_TOKEN", _call("api", "make_token")["token"])
        yield environment
        _forget()


@pytest.fixture
def without(stack: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Gives the environment, to take a variable out of it for a fresh process."""
    with pytest.MonkeyPatch.context() as environment:
        yield environment
    _forget()


def _call(function: str, case: str) -> Any:
    return load(function).lambda_handler(sample(f"{function}/{case}"), Context())


def test_first_token_opens_the_rest_interface(stack: pytest.MonkeyPatch) -> None:
    event = sample("api/list_flows")
    event["headers"]["authorization"] = f"Bearer {os.environ['FIRST_TOKEN']}"
    result = load("api").lambda_handler(event, Context())
    assert result["statusCode"] == 200


def test_sweep_of_a_new_workspace_finds_nothing(stack: pytest.MonkeyPatch) -> None:
    assert _call("run_due", "schedule") == {"errands": 0, "ended": 0}


@pytest.mark.parametrize(
    ("function", "case", "result"),
    [
        ("receive_post", "unsigned", 401),
        ("doorbell", "connect", 501),
        ("send_changes", "stream", None),
    ],
)
def test_handler_answers(
    stack: pytest.MonkeyPatch, function: str, case: str, result: int | None
) -> None:
    assert _call(function, case).get("statusCode") == result


def test_metrics_are_written_without_a_dimension_per_link(
    stack: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    load("receive_post").metrics.clear_metrics()
    capsys.readouterr()
    _call("receive_post", "unsigned")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (metrics,) = [line for line in lines if "_aws" in line]
    (directive,) = metrics["_aws"]["CloudWatchMetrics"]
    assert metrics["PostsUnauthorized"] == [1.0]
    assert directive["Dimensions"] == [["service"]]
    assert metrics["service"] == "factory"


def test_missing_variable_is_one_clear_log_line(
    without: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _forget()
    without.delenv("TIELINE_TABLE")
    with pytest.raises(SettingsError, match="TIELINE_TABLE"):
        _call("run_due", "schedule")
    (said,) = [each for each in caplog.records if each.levelname == "ERROR"]
    assert "TIELINE_TABLE" in said.getMessage()


def test_missing_send_queue_names_its_variable(without: pytest.MonkeyPatch) -> None:
    bootstrap_lambda.open_errands.cache_clear()
    without.delenv("TIELINE_SEND_QUEUE_URL")
    with pytest.raises(SettingsError, match="TIELINE_SEND_QUEUE_URL"):
        _call("run_due", "schedule")


def test_workspace_is_opened_once_per_process(stack: pytest.MonkeyPatch) -> None:
    opened = bootstrap_lambda.open_here()
    _call("receive_post", "unsigned")
    assert bootstrap_lambda.open_here() is opened


def test_every_function_has_a_handler() -> None:
    assert all(callable(load(name).lambda_handler) for name in FUNCTIONS)
