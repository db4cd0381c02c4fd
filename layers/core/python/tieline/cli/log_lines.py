"""Lines of a flow's log, for people."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime

from tieline.cli.printing import clean, readable
from tieline.protocol.values import Json, JsonObject

_SHOWN_APART = frozenset({"at", "message", "level", "stream", "fields", "is_cut"})
_PLAIN_STREAMS = frozenset({"log", "stdout", None})


@dataclass(slots=True)
class LineBuffer:
    """Makes lines of pieces of a log, which may end anywhere in a line."""

    _rest: str = field(default="")

    def feed(self, data: str) -> list[JsonObject]:
        """Gives the lines that are complete now."""
        *lines, self._rest = (self._rest + data).split("\n")
        return [parse_line(line) for line in lines if line]


def parse_line(text: str) -> JsonObject:
    """Gives a line as an object; text that is no JSON object becomes the message of one."""
    try:
        found: Json = json.loads(text)
    except ValueError:
        return {"message": text}
    return found if isinstance(found, dict) else {"message": text}


def render_line(line: JsonObject) -> str:
    """Gives one readable line: time, level, message, facts."""
    parts = [_time(line.get("at")), _label(line), _message(line), _facts(line)]
    text = "  ".join(part for part in parts if part)
    # A message of several lines stays recognisable as one.
    return clean(text).replace("\n", "\n          ")


def _time(at: Json) -> str:
    try:
        return datetime.fromisoformat(str(at)).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return "--:--:--"


def _label(line: JsonObject) -> str:
    if line.get("level"):
        return str(line["level"])
    stream = line.get("stream")
    return "" if stream in _PLAIN_STREAMS else str(stream)


def _message(line: JsonObject) -> str:
    text = readable(line.get("message"))
    return f"{text} (cut)" if line.get("is_cut") else text


def _facts(line: JsonObject) -> str:
    fields = line.get("fields")
    facts = {name: value for name, value in line.items() if name not in _SHOWN_APART}
    if isinstance(fields, dict):
        facts |= fields
    elif fields is not None:
        facts["fields"] = fields
    return " ".join(f"{name}={readable(value)}" for name, value in facts.items())
