"""What counts as JSON here, and the two ways it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from tieline.errors import OutputError

Json: TypeAlias = "None | bool | int | float | str | Sequence[Json] | Mapping[str, Json]"
JsonObject: TypeAlias = Mapping[str, Json]

MAX_DEPTH = 64
"""Nesting allowed in any value; far above real data, far below the parser's recursion limit."""


def check_json(value: object, path: str = "$", depth: int = 0) -> Json:
    """Gives the value back when it is JSON.

    Raises:
        OutputError: names the path of the first part that is not JSON, nested too deep,
            not a finite number, or a key that is not a string.
    """
    if depth > MAX_DEPTH:
        raise OutputError(f"{path} is nested deeper than {MAX_DEPTH} levels")
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise OutputError(f"{path} is {value}, which JSON cannot hold")
        return value
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise OutputError(f"{path} has a key {key!r} that is not a string")
            check_json(item, f"{path}.{key}", depth + 1)
        return value
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            check_json(item, f"{path}[{index}]", depth + 1)
        return value
    raise OutputError(f"{path} is of type {type(value).__name__}, which is not JSON")


def dump_json(value: object) -> str:
    """Gives compact JSON text; keys keep their order; NaN is refused."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
