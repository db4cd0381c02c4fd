"""Lines of a flow's log: an object with `at`, `stream`, `message` and perhaps `fields`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from tieline.errors import OutputError
from tieline.flows.limits import MAX_LOG_LINE_BYTES
from tieline.protocol.plain_json import PlainJson, check_json, dump_json

ROOM_FOR_THE_REST = 256
"""Bytes of a cut line that are not its message."""

_now = datetime.now


def log_line(stream: str, message: str, fields: Mapping[str, object]) -> dict[str, PlainJson]:
    """Gives one line, cut to its largest size; `is_cut` marks one that was longer.

    Args:
        stream: `log`, or `stdout` or `stderr` for what the script printed.
    """
    line: dict[str, PlainJson] = {
        "at": _now(UTC).isoformat(timespec="microseconds"),
        "stream": stream,
        "message": message.encode(errors="replace").decode(),
    }
    if fields:
        line["fields"] = {name: _readable(value) for name, value in fields.items()}
    return _cut(line, message)


def readable_text(value: object) -> str:
    """Gives text for a log: text as it is, JSON as JSON, anything else as Python shows it."""
    if isinstance(value, str):
        return value
    plain = _readable(value)
    return plain if isinstance(plain, str) else dump_json(plain)


def _readable(value: object) -> PlainJson:
    try:
        check_json(value)
    except OutputError:
        return repr(value).encode(errors="replace").decode()
    return value  # type: ignore[return-value] # check_json has just said that it is JSON


def _cut(line: dict[str, PlainJson], message: str) -> dict[str, PlainJson]:
    if _size(line) <= MAX_LOG_LINE_BYTES:
        return line
    line.pop("fields", None)
    line["is_cut"] = True
    kept = MAX_LOG_LINE_BYTES - ROOM_FOR_THE_REST
    while True:
        line["message"] = message[:kept].encode(errors="replace").decode()
        if _size(line) <= MAX_LOG_LINE_BYTES:
            return line
        kept = kept * 3 // 4


def _size(line: dict[str, PlainJson]) -> int:
    return len(dump_json(line).encode())
