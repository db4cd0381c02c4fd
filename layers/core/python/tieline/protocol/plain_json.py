"""What counts as JSON here; without pydantic, because every flow process loads this."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TypeAlias

from tieline.errors import OutputError

PlainJson: TypeAlias = "dict[str, PlainJson] | list[PlainJson] | str | int | float | bool | None"

MAX_DEPTH = 64
"""Nesting allowed in any value; far above real data, far below the parser's recursion limit."""

MAX_INTEGER_BITS = 14_000
"""Longest integer; Python refuses to write or read one of more than 4,300 digits."""


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
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise OutputError(f"{path} has a key {key!r} that is not a string")
            _check_text(key, path)
            check_json(item, f"{path}.{key}", depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            check_json(item, f"{path}[{index}]", depth + 1)
    elif isinstance(value, int | float):
        _check_number(value, path)
    elif value is not None:
        raise OutputError(f"{path} is of type {type(value).__name__}, which is not JSON")


def _check_number(number: float, path: str) -> None:
    if isinstance(number, float):
        if not math.isfinite(number):
            raise OutputError(f"{path} is {number}, which JSON cannot hold")
    elif number.bit_length() > MAX_INTEGER_BITS:
        raise OutputError(f"{path} is an integer of {number.bit_length()} bits, too long to write")


def _check_text(text: str, path: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise OutputError(f"{path} holds a character that is not Unicode text") from error


def dump_json(value: object) -> str:
    """Gives compact JSON text; keys keep their order; NaN is refused."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: Mapping[str, object]) -> str:
    """Gives the one text of a value whatever the order of its keys; for digests."""
    return json.dumps(
        value, separators=(",", ":"), ensure_ascii=False, allow_nan=False, sort_keys=True
    )
