"""Values that come from the command line, from files and from standard input."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tieline.errors import InvalidFieldError
from tieline.protocol.values import Json, JsonObject

STANDARD_INPUT = "-"


def parse_value(text: str) -> Json:
    """Gives the JSON value of a text; what is not JSON stands for itself, as text."""
    try:
        return _load(text)
    except ValueError:
        return text


def parse_json(field: str, text: str) -> Json:
    """Gives the JSON value of a text.

    Raises:
        InvalidFieldError: it is not JSON.
    """
    try:
        return _load(text)
    except ValueError as error:
        raise InvalidFieldError(
            field, "is not JSON; text needs quotes inside those of the shell, as in '\"text\"'"
        ) from error


def parse_pairs(pairs: Sequence[str]) -> JsonObject:
    """Gives the object of some `key=value`; a value is JSON, or text when it is none.

    Raises:
        InvalidFieldError: one has no `=`.
    """
    found: JsonObject = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise InvalidFieldError("input", f"{pair!r} is not of the form KEY=VALUE")
        found[key] = parse_value(value)
    return found


def read_bytes(field: str, name: str) -> bytes:
    """Gives the content of a file; `-` is standard input.

    Raises:
        InvalidFieldError: names the field and why the file cannot be read.
    """
    try:
        if name == STANDARD_INPUT:
            return sys.stdin.buffer.read()
        return Path(name).expanduser().read_bytes()
    except OSError as error:
        problem = f"file {name} cannot be read: {error.strerror}"
        raise InvalidFieldError(field, problem) from error


def read_text(field: str, name: str) -> str:
    """Gives the text of a file; `-` is standard input; raises as `read_bytes`."""
    try:
        return read_bytes(field, name).decode()
    except UnicodeDecodeError as error:
        raise InvalidFieldError(field, f"file {name} is not UTF-8 text") from error


def _load(text: str) -> Json:
    found: Json = json.loads(text, parse_constant=_refuse_constant)
    return found


def _refuse_constant(name: str) -> NoReturn:
    # Python reads NaN and Infinity, JSON does not know them.
    raise ValueError(name)
