"""Times, amounts, values and conditions as people read and write them."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tieline.cli.client import path_to, read_answer, write_body
from tieline.cli.filters import join_filters
from tieline.cli.inputs import parse_pairs, parse_value
from tieline.cli.printing import clean, readable
from tieline.cli.wording import ago, duration, plural
from tieline.errors import InvalidFieldError, PeerUnavailableError
from tieline.operations.record_filter import Operator, parse_filters

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "less than a second"),
        (1, "1 second"),
        (59.9, "59 seconds"),
        (60, "1 minute"),
        (7199, "1 hour"),
        (86_400 * 3, "3 days"),
    ],
)
def test_duration_is_in_its_largest_unit(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-30, "30 seconds ago"), (0, "just now"), (0.5, "just now"), (3600, "in 1 hour")],
)
def test_time_is_told_from_now(seconds, words):
    at = (NOW + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    assert ago(at, NOW) == words


@pytest.mark.parametrize("absent", [None, ""])
def test_no_time_is_no_words(absent):
    assert ago(absent, NOW) == ""


def test_amounts_have_their_plural():
    assert [plural(count, "change") for count in (0, 1, 2)] == [
        "0 changes",
        "1 change",
        "2 changes",
    ]


@pytest.mark.parametrize("steering", ["\x1b", "\x07", "\r", "\x7f", "\x9b", "\u202e", "\u2066"])
def test_what_steers_a_terminal_is_replaced(steering):
    assert clean(f"a{steering}b\n\t") == "a\ufffdb\n\t"
    assert steering not in readable({"a": steering})


def test_letters_of_all_scripts_stay():
    text = "ü 漢 \u200d नमस्ते"
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("true", True), ('"1"', "1"), ("x y", "x y"), ("", ""), ("NaN", "NaN")],
)
def test_value_is_json_or_else_text(text, value):
    assert parse_value(text) == value


def test_later_pair_of_a_key_wins():
    assert parse_pairs(["a=1", "a=2"]) == {"a": 2}


@pytest.mark.parametrize("pair", ["a", "=1", ""])
def test_pair_without_key_or_sign_is_refused(pair):
    with pytest.raises(InvalidFieldError):
        parse_pairs([pair])


@pytest.mark.parametrize(
    ("text", "field", "op", "value"),
    [
        ("status=RUNNING", "status", "eq", "RUNNING"),
        ("status != RUNNING", "status", "ne", "RUNNING"),
        ("n<5", "n", "lt", 5),
        ("n<=5", "n", "le", 5),
        ("n>5", "n", "gt", 5),
        ("created_at>=2026-05-04T00:00:00Z", "created_at", "ge", "2026-05-04T00:00:00Z"),
        ("name~=a=b", "name", "contains", "a=b"),
        ("name^=a", "name", "starts_with", "a"),
        ("note=null", "note", "eq", None),
    ],
)
def test_condition_is_read(text, field, op, value):
    assert json.loads(join_filters([text])) == [{"field": field, "op": op, "value": value}]


def test_every_operator_but_in_has_a_sign():
    texts = ["a=1", "a!=1", "a<1", "a<=1", "a>1", "a>=1", "a~=1", "a^=1"]
    read = parse_filters(join_filters(texts), frozenset({"a"}))
    assert {each.op for each in read} == set(Operator) - {Operator.IN}


def test_conditions_may_be_the_json_of_the_interface():
    first = {"field": "a", "op": "in", "value": [1]}
    second = {"field": "b", "op": "eq", "value": 2}
    texts = [json.dumps(first), json.dumps([second]), "c=3"]
    third = {"field": "c", "op": "eq", "value": 3}
    assert json.loads(join_filters(texts)) == [first, second, third]


@pytest.mark.parametrize("text", ["", "status", "Status=1", "{", "=1"])
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(InvalidFieldError) as caught:
        join_filters([text])
    assert caught.value.field == "filter"


def test_names_are_encoded_in_paths():
    assert path_to("file", "a/b c?") == "/file/a%2Fb%20c%3F"
    assert path_to("execution", "x", "log") == "/execution/x/log"


def test_number_that_json_does_not_know_is_refused():
    with pytest.raises(InvalidFieldError):
        write_body({"a": float("inf")})
    assert write_body(None) == b""


def test_answer_without_content_is_nothing():
    assert read_answer(204, b"") is None


@pytest.mark.parametrize("content", [b"", b"<html>", b"[1", b"\xff"])
def test_answer_that_is_not_json_is_none_of_a_workspace(content):
    with pytest.raises(PeerUnavailableError):
        read_answer(200, content)
