"""receive_post: posts verify however API Gateway hands them over, and only unaltered."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from lambda_functions import EVENTS, ROOT, factory, generator, load, sample
from tieline.adapters.memory_store import MemoryStore
from tieline.errors import StoreUnavailableError
from tieline.operations.records import load_execution
from tieline.protocol.states import Status

Event = dict[str, Any]

GOLDEN = ("default_stage", "named_stage", "custom_domain", "base64_body", "start_execution")
UNAUTHORIZED = '{"code":"unauthorized"}'


def _handle(event: Event, **overrides: Any) -> Event:
    result: Event = load("receive_post").handle(event, factory(**overrides))
    return result


@pytest.mark.parametrize("case", GOLDEN)
def test_signed_post_is_answered_signed(case: str) -> None:
    result = _handle(sample(f"receive_post/{case}"))
    assert result["statusCode"] == 200
    assert json.loads(result["body"])["re"] == generator().NOW_MS
    assert result["headers"]["signature"].startswith("tieline=:")


def test_header_names_of_any_case_verify() -> None:
    event = sample("receive_post/default_stage")
    event["headers"] = {name.title(): value for name, value in event["headers"].items()}
    assert _handle(event)["statusCode"] == 200


def _alter_header(name: str) -> Callable[[Event], None]:
    def alter(event: Event) -> None:
        value = event["headers"][name]
        place = len(value) // 2
        event["headers"][name] = (
            value[:place] + ("A" if value[place] != "A" else "B") + value[place + 1 :]
        )

    return alter


def _drop_header(name: str) -> Callable[[Event], None]:
    return lambda event: event["headers"].pop(name)


def _alter_body(event: Event) -> None:
    body = event["body"]
    event["body"] = (body[:-3] + ("A" if body[-3] != "A" else "B") + body[-2:]) if body else "x"


def _say_other_encoding(event: Event) -> None:
    event["isBase64Encoded"] = not event["isBase64Encoded"]


def _name_other_config(event: Event) -> None:
    event["rawPath"] = event["rawPath"].replace("/cloud/", "/clouds/")


SIGNED = ("content-type", "content-digest", "tieline-to", "signature-input", "signature")
ALTERATIONS: dict[str, Callable[[Event], Any]] = {
    **{f"other-{name}": _alter_header(name) for name in SIGNED},
    **{f"no-{name}": _drop_header(name) for name in SIGNED},
    "body": _alter_body,
    "encoding": _say_other_encoding,
    "path": _name_other_config,
}


@pytest.mark.parametrize("alteration", ALTERATIONS)
@pytest.mark.parametrize("case", GOLDEN)
def test_altered_post_gets_the_constant_refusal(case: str, alteration: str) -> None:
    event = copy.deepcopy(sample(f"receive_post/{case}"))
    ALTERATIONS[alteration](event)
    result = _handle(event)
    assert (result["statusCode"], result["body"]) == (401, UNAUTHORIZED)
    assert "signature" not in result["headers"]


def test_unsigned_post_writes_nothing() -> None:
    store = MemoryStore()
    workspace = factory(store=store)
    store.refuse_writes(StoreUnavailableError("a write"))
    result = load("receive_post").handle(sample("receive_post/unsigned"), workspace)
    assert (result["statusCode"], result["body"]) == (401, UNAUTHORIZED)


def test_path_without_a_sync_config_gets_the_constant_refusal() -> None:
    event = {**sample("receive_post/default_stage"), "rawPath": "/api/latest/flow"}
    assert _handle(event)["body"] == UNAUTHORIZED


def test_body_that_is_no_base64_gets_the_constant_refusal() -> None:
    event = {**sample("receive_post/base64_body"), "body": "%%%"}
    assert _handle(event)["body"] == UNAUTHORIZED


def test_asked_for_execution_is_created_and_handed_to_the_runner() -> None:
    workspace = factory()
    load("receive_post").handle(sample("receive_post/start_execution"), workspace)
    found = load_execution(workspace.store, generator().EXECUTION_ID).execution
    assert found.run.status == Status.PENDING
    assert workspace.runner.starts == [found.id]  # type: ignore[attr-defined]


def test_repeated_post_is_stale_and_starts_nothing() -> None:
    workspace = factory()
    event = sample("receive_post/start_execution")
    load("receive_post").handle(event, workspace)
    result = load("receive_post").handle(event, workspace)
    assert result["statusCode"] == 409
    assert len(workspace.runner.starts) == 1  # type: ignore[attr-defined]


def test_function_loads_without_the_rest_interface_and_boto() -> None:
    program = (
        "import sys; sys.path[:0] = sys.argv[1:]; import app;"
        "print([name for name in ('tieline.api.app', 'boto3', 'starlette', 'sqlite3',"
        " 'aws_lambda_powertools.event_handler') if name in sys.modules])"
    )
    paths = [str(ROOT / "functions" / "receive_post"), str(EVENTS.parent / "layers/core/python")]
    done = subprocess.run(
        [sys.executable, "-c", program, *paths], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
