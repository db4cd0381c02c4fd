"""Frames between a runner and a flow process: a length, then one JSON object.

A frame is 4 bytes, big-endian, that say how many bytes follow, then that many bytes of UTF-8
JSON: an object with a `kind`. What kinds there are is in `tieline.flows.messages`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from tieline.errors import OutputError, RunnerError
from tieline.protocol.plain_json import PlainJson, check_json, dump_json

Frame = dict[str, PlainJson]

MAX_FRAME_BYTES = 16 * 1024 * 1024
"""Largest frame either side accepts; four times the hard limit of a post's body."""

HEADER_BYTES = 4


class FrameError(RunnerError):
    """The other end of the pipe sent, or was to be sent, something that is not a frame."""


def encode_frame(frame: Mapping[str, object], max_bytes: int = MAX_FRAME_BYTES) -> bytes:
    """Gives the bytes of a frame.

    Raises:
        FrameError: the frame is larger than `max_bytes`, or not JSON.
    """
    try:
        body = dump_json(frame).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise FrameError(f"the frame is not JSON: {error}") from error
    if len(body) > max_bytes:
        raise FrameError(f"the frame has {len(body)} bytes, more than {max_bytes}")
    return len(body).to_bytes(HEADER_BYTES, "big") + body


class FrameReader:
    """Takes bytes as they come and gives whole frames.

    After a `FrameError` the stream cannot be understood any more.
    """

    def __init__(self, max_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max_bytes = max_bytes
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Takes the next bytes of the stream."""
        self._buffer += data

    def next_frame(self) -> Frame | None:
        """Gives the next whole frame, None when more bytes are needed.

        Raises:
            FrameError: it is larger than allowed, or not a frame.
        """
        buffer = self._buffer
        if len(buffer) < HEADER_BYTES:
            return None
        size = int.from_bytes(buffer[:HEADER_BYTES], "big")
        if size > self._max_bytes:
            raise FrameError(f"a frame of {size} bytes was announced, more than {self._max_bytes}")
        end = HEADER_BYTES + size
        if len(buffer) < end:
            return None
        body = bytes(buffer[HEADER_BYTES:end])
        del buffer[:end]
        return decode_frame(body)

    def finish(self) -> None:
        """Accepts the end of the stream between two frames.

        Raises:
            FrameError: the stream ended inside a frame.
        """
        if self._buffer:
            raise FrameError("the stream ended inside a frame")


def decode_frame(body: bytes) -> Frame:
    """Gives the frame that a body holds.

    Raises:
        FrameError: it is not UTF-8, not JSON, not an object, or has no `kind`.
    """
    try:
        frame = _DECODER.decode(body.decode())
        if b"\\ud" in body or b"\\uD" in body:
            check_json(frame)
    except (ValueError, RecursionError, OutputError) as error:
        raise FrameError(f"the frame is not JSON: {error}") from error
    if not isinstance(frame, dict) or not isinstance(frame.get("kind"), str):
        raise FrameError("the frame is not an object with a kind")
    return frame


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse_constant)
