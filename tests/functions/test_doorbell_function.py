"""doorbell: refuses in words that an operator understands."""

from __future__ import annotations

import json

import pytest

from lambda_functions import load, sample


@pytest.mark.parametrize("case", ["connect", "keep_alive"])
def test_bell_says_that_it_does_not_ring_yet(case: str) -> None:
    result = load("doorbell").handle(sample(f"doorbell/{case}"))
    assert result["statusCode"] == 501
    assert json.loads(result["body"])["code"] == "no-bell"


def test_who_leaves_is_let_go() -> None:
    result = load("doorbell").handle(sample("doorbell/disconnect"))
    assert result == {"statusCode": 200}
