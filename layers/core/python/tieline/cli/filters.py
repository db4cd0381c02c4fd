"""Conditions on lists as people type them: `status=RUNNING`, `created_at>=2026-05-04`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from tieline.cli.inputs import parse_value
from tieline.errors import InvalidFieldError

# The longer signs come first, so that `<=` is not taken for `<`.
_OPERATORS = {
    "!=": "ne",
    "<=": "le",
    ">=": "ge",
    "^=": "starts_with",
    "~=": "contains",
    "=": "eq",
    "<": "lt",
    ">": "gt",
}
_CONDITION = re.compile(
    r"([a-z_]+)\s*(" + "|".join(re.escape(sign) for sign in _OPERATORS) + r")(.*)", re.DOTALL
)


def join_filters(texts: Sequence[str]) -> str:
    """Gives the `filter` parameter of the REST interface for some conditions, and-ed.

    Raises:
        InvalidFieldError: names `filter` and shows what one looks like.
    """
    conditions: list[object] = []
    for text in texts:
        if text.lstrip().startswith(("{", "[")):
            found = _read_json(text)
            conditions += found if isinstance(found, list) else [found]
        else:
            conditions.append(_parse(text))
    return json.dumps(conditions)


def _parse(text: str) -> dict[str, object]:
    match = _CONDITION.fullmatch(text.strip())
    if match is None:
        raise InvalidFieldError(
            "filter",
            f"{text!r} is no condition; write FIELD=VALUE (or != < <= > >=, ~= contains, "
            "^= starts with), or a JSON filter of the REST interface",
        )
    field, sign, value = match.groups()
    return {"field": field, "op": _OPERATORS[sign], "value": parse_value(value.strip())}


def _read_json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidFieldError("filter", "is not JSON") from error
