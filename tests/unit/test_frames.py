"""Frames, calls and messages between runner and flow process."""

from __future__ import annotations

import pytest

from tieline.errors import OutputError
from tieline.flows import calls
from tieline.flows.frames import FrameError, FrameReader, decode_frame, encode_frame
from tieline.flows.limits import ProcessLimits, read_limits
from tieline.flows.messages import End, Start, call_frame, read_end, read_start
from tieline.flows.read_call import CALLS, read_call
from tieline.protocol.plain_json import check_json


def test_frame_comes_back_as_it_was_whatever_the_pieces():
    frame = {"kind": "log", "line": {"b": 1, "a": [1.5, None, "ü😀"]}}
    reader = FrameReader()
    found = []
    for byte in encode_frame(frame) * 2:
        reader.feed(bytes([byte]))
        if (ready := reader.next_frame()) is not None:
            found.append(ready)
    assert found == [frame, frame]
    assert list(found[0]["line"]) == ["b", "a"]


def test_length_is_four_bytes_big_endian():
    assert encode_frame({"kind": "x"}) == b'\x00\x00\x00\x0c{"kind":"x"}'


def test_frame_over_the_cap_is_neither_made_nor_read():
    with pytest.raises(FrameError, match="more than 20"):
        encode_frame({"kind": "x" * 20}, max_bytes=20)
    reader = FrameReader(max_bytes=20)
    reader.feed((21).to_bytes(4, "big"))
    with pytest.raises(FrameError, match="21 bytes"):
        reader.next_frame()


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"{",
        b"[]",
        b"{}",
        b'{"kind":1}',
        b'{"kind":"x","v":NaN}',
        b'{"kind":"x","v":1e999}',
        b'{"kind":"x","v":"\\ud800"}',
        b'{"kind":"x","v":' + b"[" * 100_000,
        b'{"kind":"x","v":' + b"1" * 5000 + b"}",
    ],
)
def test_what_is_no_frame_is_refused(body):
    with pytest.raises(FrameError):
        decode_frame(body)


def test_stream_may_end_only_between_frames():
    reader = FrameReader()
    reader.finish()
    reader.feed(b"\x00")
    with pytest.raises(FrameError, match="inside a frame"):
        reader.finish()


@pytest.mark.parametrize(
    "call",
    [
        calls.StartChild(flow_name="f", input_value={"z": 1, "a": 2}, protect_inputs=["z"]),
        calls.RunChild(id="1", wait="ALL_ENDED"),
        calls.Wait(ids=["1", "2"], return_when="FIRST_ENDED", timeout=1.5),
        calls.Save(output_value=None),
        calls.Save(message="m", name="n"),
        calls.Sleep(seconds=3),
        calls.ResourceSave(kind="setting", name="s", fields={"value": [1]}),
        calls.ResourceList(kind="execution", filter=[{"field": "a", "op": "eq", "value": 1}]),
        calls.SettingAcquire(name="s"),
        calls.WorkspaceInfo(),
    ],
)
def test_call_comes_back_from_its_frame(call):
    frame = call_frame(7, call)
    assert (frame["kind"], frame["seq"], frame["name"]) == ("call", 7, call.NAME)
    assert read_call(frame["name"], frame["args"]) == call


def test_value_that_was_not_given_does_not_travel_but_null_does():
    assert calls.call_args(calls.Save(output_value=None)) == {"output_value": None}
    assert calls.call_args(calls.Save(message="m")) == {"message": "m"}


def test_canonical_arguments_do_not_depend_on_the_order_of_keys():
    one = calls.StartChild(flow_name="f", input_value={"a": 1, "b": 2})
    other = calls.StartChild(flow_name="f", input_value={"b": 2, "a": 1})
    assert calls.canonical_args(one) == calls.canonical_args(other)
    changed = calls.StartChild(flow_name="f", input_value={"b": 2, "a": 3})
    assert calls.canonical_args(one) != calls.canonical_args(changed)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("format_disk", {}),
        ("sleep", {}),
        ("sleep", {"seconds": "1"}),
        ("sleep", {"seconds": True}),
        ("sleep", {"seconds": None}),
        ("sleep", {"seconds": 1, "more": 2}),
        ("wait", {"ids": "1", "return_when": "ALL_ENDED"}),
        ("wait", {"ids": [1], "return_when": "ALL_ENDED"}),
        ("save", {"message": None}),
        ("resource_save", {"kind": "setting", "name": "s", "fields": []}),
        ("resource_list", {"kind": "flow", "limit": 1.5}),
    ],
)
def test_call_of_the_wrong_shape_is_refused(name, args):
    with pytest.raises(FrameError):
        read_call(name, args)


def test_call_with_too_deep_a_value_is_refused():
    deep: object = None
    for _ in range(200):
        deep = [deep]
    with pytest.raises(FrameError, match="nested deeper"):
        read_call("save", {"output_value": deep})


def test_every_call_has_its_own_name():
    assert len(CALLS) == 18
    assert set(CALLS) >= {"start_child", "run_child", "wait", "save", "resource_list"}


def test_start_comes_back_from_its_frame():
    start = Start(
        execution={"id": "e"},
        script="x",
        input_value=[1],
        limits=ProcessLimits(memory_bytes=1),
        workspace={"name": "w", "user": "u"},
    )
    assert read_start(start.as_frame()) == start


def test_limit_that_is_not_given_keeps_its_default():
    assert read_limits({"open_files": 9}) == ProcessLimits(open_files=9)


@pytest.mark.parametrize("limits", [{"open_files": 0}, {"open_files": "9"}, {"wishes": 3}])
def test_what_is_no_limit_is_refused(limits):
    with pytest.raises(FrameError):
        read_limits(limits)


def test_end_comes_back_from_its_frame():
    end = End(status="ENDED_ERROR", code="failed", message="m", output_value={}, has_output=True)
    assert read_end(end.as_frame()) == end


@pytest.mark.parametrize(
    "change",
    [{"status": "PENDING"}, {"status": []}, {"message": 1}, {"code": {}}, {"kind": "log"}],
)
def test_end_of_the_wrong_shape_is_refused(change):
    with pytest.raises(FrameError):
        read_end({**End(status="ENDED_SUCCESS").as_frame(), **change})


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"rows": [1, {"at": object()}]}, r"\$\.rows\[1\]\.at is of type object"),
        ([float("nan")], r"\$\[0\] is nan"),
        ({1: 2}, r"\$ has a key 1"),
        ("\ud800", r"\$ holds"),
        ([10**5000], r"\$\[0\] is an integer of"),
    ],
)
def test_what_is_not_json_is_named_by_its_path(value, path):
    with pytest.raises(OutputError, match=path):
        check_json(value)
