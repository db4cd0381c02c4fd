"""Filters of lists: which records are shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tieline.errors import InvalidFieldError
from tieline.protocol.values import Json

MAX_FILTERS = 20
"""Conditions in one request; each is looked at for every row."""


class Operator(StrEnum):
    """How a filter compares a field with its value."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    IN = "in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One condition on a field of a record's view."""

    field: str
    op: Operator
    value: Json


def parse_filters(text: str | None, fields: frozenset[str]) -> Sequence[Filter]:
    """Gives the filters in a request's `filter`: one JSON object, or a list of them.

    Args:
        fields: the fields that this kind of record has.

    Raises:
        InvalidFieldError: names `filter`; not JSON, an unknown field or op, or a bad value.
    """
    if not text:
        return ()
    try:
        found: Json = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _bad_filter("is not JSON") from error
    entries = found if isinstance(found, list) else [found]
    if len(entries) > MAX_FILTERS:
        raise _bad_filter(f"has more than {MAX_FILTERS} conditions")
    return tuple(_parse_one(entry, fields) for entry in entries)


def matches(view: Mapping[str, Json], filters: Sequence[Filter]) -> bool:
    """Tells whether a view meets every filter.

    Values of different types are never equal and have no order. A field whose name ends in `_at`
    is compared as a time.
    """
    return all(_meets(view.get(each.field), each) for each in filters)


def _parse_one(entry: Json, fields: frozenset[str]) -> Filter:
    if not isinstance(entry, dict) or set(entry) != {"field", "op", "value"}:
        raise _bad_filter('each condition must look like {"field": ..., "op": ..., "value": ...}')
    field, op, value = entry["field"], entry["op"], entry["value"]
    if not isinstance(field, str) or field not in fields:
        raise _bad_filter(f"there is no such field; use one of {', '.join(sorted(fields))}")
    if not isinstance(op, str) or op not in tuple(Operator):
        raise _bad_filter(f"there is no such op; use one of {', '.join(Operator)}")
    condition = Filter(field=field, op=Operator(op), value=value)
    _check_value(condition)
    return condition


def _check_value(condition: Filter) -> None:
    if condition.op == Operator.IN and not isinstance(condition.value, list):
        raise _bad_filter("op `in` takes a list as its value")
    if _is_time(condition):
        values = condition.value if isinstance(condition.value, list) else [condition.value]
        if any(each is not None and _read_time(each) is None for each in values):
            raise _bad_filter(f"{condition.field} takes a time such as 2026-05-04T12:00:00Z")


def _is_time(condition: Filter) -> bool:
    is_textual = condition.op in (Operator.CONTAINS, Operator.STARTS_WITH)
    return condition.field.endswith("_at") and not is_textual


def _read_time(value: Json) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _meets(found: Json, condition: Filter) -> bool:
    wanted = condition.value
    if condition.op == Operator.IN:
        assert isinstance(wanted, list)
        each_eq = (Filter(field=condition.field, op=Operator.EQ, value=each) for each in wanted)
        return any(_meets(found, each) for each in each_eq)
    if condition.op == Operator.CONTAINS:
        return _contains(found, wanted)
    if condition.op == Operator.STARTS_WITH:
        return isinstance(found, str) and isinstance(wanted, str) and found.startswith(wanted)
    if condition.op in (Operator.EQ, Operator.NE):
        return _equal(found, wanted, condition) == (condition.op == Operator.EQ)
    return _in_order(found, wanted, condition)


def _contains(found: Json, wanted: Json) -> bool:
    if isinstance(found, str):
        return isinstance(wanted, str) and wanted in found
    if isinstance(found, list):
        return any(_same(each, wanted) for each in found)
    return isinstance(found, dict) and isinstance(wanted, str) and wanted in found


def _equal(found: Json, wanted: Json, condition: Filter) -> bool:
    if _is_time(condition) and isinstance(found, str):
        return _read_time(found) == _read_time(wanted)
    return _same(found, wanted)


def _same(found: Json, wanted: Json) -> bool:
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)


_ORDERS: Mapping[Operator, Callable[[int], bool]] = {
    Operator.LT: lambda sign: sign < 0,
    Operator.LE: lambda sign: sign <= 0,
    Operator.GT: lambda sign: sign > 0,
    Operator.GE: lambda sign: sign >= 0,
}


def _in_order(found: Json, wanted: Json, condition: Filter) -> bool:
    sign = _compare_times(found, wanted) if _is_time(condition) else _compare(found, wanted)
    return sign is not None and _ORDERS[condition.op](sign)


def _compare_times(found: Json, wanted: Json) -> int | None:
    left, right = _read_time(found), _read_time(wanted)
    if left is None or right is None:
        return None
    return (left > right) - (left < right)


def _compare(found: Json, wanted: Json) -> int | None:
    if isinstance(found, bool) or isinstance(wanted, bool):
        return None
    if isinstance(found, str) and isinstance(wanted, str):
        return (found > wanted) - (found < wanted)
    if isinstance(found, int | float) and isinstance(wanted, int | float):
        return (found > wanted) - (found < wanted)
    return None


def _bad_filter(problem: str) -> InvalidFieldError:
    return InvalidFieldError("filter", problem)
