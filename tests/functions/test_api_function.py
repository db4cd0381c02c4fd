"""api: the REST interface behind API Gateway, and the first token."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambda_functions import factory, load, sample
from tieline.operations.manage_tokens import Role, create_token


def _handle(event: Any, workspace: Any = None) -> Any:
    return load("api").handle(event, workspace or factory())


@pytest.mark.parametrize("case", ["alive", "alive_on_stage"])
def test_alive_is_answered_below_any_stage(case: str) -> None:
    result = _handle(sample(f"api/{case}"))
    assert (result["statusCode"], json.loads(result["body"])) == (200, {"status": "alive"})


@pytest.mark.parametrize("case", ["list_flows", "list_flows_on_custom_domain"])
def test_request_without_a_valid_token_is_refused(case: str) -> None:
    assert _handle(sample(f"api/{case}"))["statusCode"] == 401


@pytest.mark.parametrize("case", ["list_flows", "list_flows_on_custom_domain"])
def test_request_with_a_token_is_served_below_any_mapping(case: str) -> None:
    workspace = factory()
    event = sample(f"api/{case}")
    text = create_token(workspace, "viewer", Role.VIEWER).text
    event["headers"]["authorization"] = f"Bearer {text}"
    result = _handle(event, workspace)
    assert result["statusCode"] == 200
    assert [each["name"] for each in json.loads(result["body"])["items"]] == ["restart_service"]


def test_unknown_path_is_not_found() -> None:
    assert _handle(sample("api/unknown_path"))["statusCode"] == 404


def test_who_may_invoke_the_function_gets_an_admin_token() -> None:
    workspace = factory()
    token = _handle(sample("api/make_token"), workspace)["token"]
    event = sample("api/list_flows")
    event["headers"]["authorization"] = f"Bearer {token}"
    event["rawPath"] = "/api/latest/token"
    listed = json.loads(_handle(event, workspace)["body"])["items"]
    assert [(each["name"], each["role"]) for each in listed] == [
        ("first-admin", "organization-admin")
    ]


def test_no_http_request_makes_a_token() -> None:
    event = {**sample("api/unknown_path"), "make_token": "mallory", "body": '{"make_token": "m"}'}
    assert "token" not in _handle(event)


def test_sync_path_is_not_served_by_the_rest_interface() -> None:
    event = sample("receive_post/default_stage")
    assert _handle(event)["statusCode"] in (401, 404, 405)
