"""The envelope: what is decoded, and how what cannot be is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.errors import IncompatibleError, MalformedError
from tieline.protocol.execution import Control, Execution, Half, Mark, Role, Run
from tieline.protocol.messages import (
    Record,
    Request,
    decode_control,
    decode_log,
    decode_request,
    decode_run,
    encode,
    log_record,
    record_of,
)
from tieline.protocol.states import Status

GOOD: dict[str, Any] = {
    "v": 1,
    "link": "peer",
    "from": "a",
    "to": "b",
    "epoch": 1,
    "s": 1,
    "seen": 0,
    "instance": "i",
    "n": 5,
}


def body(**changes: Any) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def test_round_trip_keeps_every_field() -> None:
    request = decode_request(body(wait_ms=100, peer_epoch=7))
    assert decode_request(encode(request)) == request
    assert isinstance(request, Request)


def test_unknown_version_is_incompatible() -> None:
    with pytest.raises(IncompatibleError, match="version 2"):
        decode_request(body(v=2, surprise=True))


@pytest.mark.parametrize("name", ["link", "from", "to", "epoch", "s", "seen", "instance", "n"])
def test_missing_field_is_named(name: str) -> None:
    lacking = {key: value for key, value in GOOD.items() if key != name}
    with pytest.raises(MalformedError, match=name):
        decode_request(json.dumps(lacking).encode())


@pytest.mark.parametrize(
    "changes",
    [
        {"n": -1},
        {"n": 2**63},
        {"epoch": "x"},
        {"instance": "a b"},
        {"instance": ""},
        {"link": "x" * 64},
        {"wait_ms": 25_001},
        {"records": [{"half": "execution.run", "id": "../x", "rev": 1, "body": {}}]},
        {"ack": [{"half": "nonsense", "id": "e", "rev": 1}]},
        {"records": [{"half": "execution.run", "id": "e", "rev": 1, "body": {}}] * 401},
    ],
)
def test_value_outside_its_limits_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        decode_request(body(**changes))


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b'"x"', b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_object_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        decode_request(raw)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_decoder(raw: bytes) -> None:
    with pytest.raises((MalformedError, IncompatibleError)):
        decode_request(raw)


def test_fields_of_a_newer_minor_version_are_ignored() -> None:
    assert decode_request(body(surprise={"x": 1})).n == 5


def _execution() -> Execution:
    at = datetime(2026, 5, 4, tzinfo=UTC)
    return Execution(
        id="e",
        role=Role.CONTROLLER,
        created_at=at,
        control=Control(
            flow_name="restart",
            script="never sent",
            input_value={"b": [1, None], "a": "é"},
            not_after=at,
        ),
        control_mark=Mark(rev=3),
        run=Run(status=Status.ENDED_SUCCESS, output_value=[1.5], ended_at=at, is_listed=True),
        run_mark=Mark(rev=4),
    )


def _carried(record: Record) -> Record:
    request = decode_request(body(records=[record.model_dump(mode="json")]))
    return request.records[0]


def test_halves_come_out_as_they_went_in() -> None:
    execution = _execution()
    control = decode_control(_carried(record_of(execution, Half.CONTROL)))
    run = decode_run(_carried(record_of(execution, Half.RUN)))
    assert run == execution.run
    assert control.input_value == execution.control.input_value
    assert list(control.input_value or {}) == ["b", "a"]
    assert control.not_after == execution.control.not_after


def test_inline_script_never_travels() -> None:
    record = record_of(_execution(), Half.CONTROL)
    assert b"never sent" not in json.dumps(record.model_dump(mode="json")).encode()
    forged = record.model_copy(update={"body": {"flow_name": "x", "script": "import os"}})
    assert decode_control(forged).script is None


@pytest.mark.parametrize(
    "change",
    [
        {"status": "NONSENSE"},
        {"status": None},
        {"ended_at": "yesterday"},
        {"ended_at": "2026-05-04T12:00:00"},
        {"message": 5},
        {"message": "x" * 300_000},
        {"output_value": json.loads("[" * 70 + "]" * 70)},
    ],
)
def test_run_half_with_a_bad_field_is_malformed(change: dict[str, Any]) -> None:
    record = Record(half=Half.RUN, id="e", rev=1, body={"status": "RUNNING", **change})
    with pytest.raises(MalformedError):
        decode_run(record)


@pytest.mark.parametrize("data", ["é", "x" * (128 * 1024 + 1)])
def test_log_piece_that_is_not_ascii_or_too_long_is_malformed(data: str) -> None:
    with pytest.raises(MalformedError):
        decode_log(log_record("e", 0, data, is_truncated=False))
