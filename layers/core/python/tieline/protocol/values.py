"""What counts as JSON here, and the two ways it is written."""

from __future__ import annotations

import json
import math
from typing import TypeAlias

from pydantic import JsonValue

from tieline.errors import OutputError

Json: TypeAlias = JsonValue
JsonObject: TypeAlias = dict[str, JsonValue]

MAX_DEPTH = 64
"""Nesting allowed in any value; far above real data, far below the parser's recursion limit."""


def check_json(value: object, path: str = "$", depth: int = 0) -> None:
    """Accepts a value that is JSON and says where another one is not.

    Tuples count as lists.

    Raises:
        OutputError: names the path of the first part that is not JSON, nested too deep,
            not a finite number, not Unicode, or a key that is not a string.
    """
    if depth > MAX_DEPTH:
        raise OutputError(f"{path} is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise OutputError(f"{path} is {value}, which JSON cannot hold")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise OutputError(f"{path} has a key {key!r} that is not a string")
            _check_text(key, path)
            check_json(item, f"{path}.{key}", depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            check_json(item, f"{path}[{index}]", depth + 1)
    elif value is not None and not isinstance(value, int):
        raise OutputError(f"{path} is of type {type(value).__name__}, which is not JSON")


def _check_text(text: str, path: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise OutputError(f"{path} holds a character that is not Unicode text") from error


def dump_json(value: object) -> str:
    """Gives compact JSON text; keys keep their order; NaN is refused."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
