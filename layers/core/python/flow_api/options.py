"""From the arguments of `this.flow()` and `this.script()` to the call that creates the child."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import cast

from flow_api.constants import ReturnWhen
from flow_api.exceptions import InvalidInputError
from flow_api.session import plain, plain_object
from tieline.flows.calls import StartChild
from tieline.protocol.plain_json import PlainJson

OPTIONS = frozenset(
    {
        "init",
        "input_value",
        "inputs",
        "max_runtime_minutes",
        "name",
        "not_after",
        "protect_inputs",
        "protect_outputs",
        "remote_workspace_name",
        "run",
        "wait",
    }
)
"""Keywords that say how the child runs; every other keyword goes into its input."""


def make_start(start: StartChild, keywords: Mapping[str, object]) -> StartChild:
    """Gives the call with these keywords applied to what `start` has already.

    Raises:
        InvalidInputError: a keyword has a value that cannot be used.
    """
    options = {name: value for name, value in keywords.items() if name in OPTIONS}
    init = options.pop("init", None)
    if init is not None:
        options = {**_checked_init(init), **options}
    inputs = {name: value for name, value in keywords.items() if name not in OPTIONS}
    start = replace(start, input_value=_merge_input(start.input_value, options, inputs))
    start = _apply_running(start, options)
    return _apply_rest(start, options)


def check_return_when(value: object) -> str:
    """Gives the name of what to wait for; True stands for ALL_SUCCEEDED.

    Raises:
        InvalidInputError: there is no such name.
    """
    if value is True:
        return ReturnWhen.ALL_SUCCEEDED.value
    try:
        return ReturnWhen(cast("str", value)).value
    except ValueError:
        names = ", ".join(ReturnWhen)
        raise InvalidInputError(f"return_when is {value!r}, not one of {names}") from None


def check_number(what: str, value: object) -> float:
    """Gives a number of seconds or minutes, at least 0.

    Raises:
        InvalidInputError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise InvalidInputError(f"{what} is {value!r}, not a number of at least 0")
    plain(what, value)
    return value


def check_time(what: str, value: object) -> float:
    """Gives seconds since 1970 from a number or a datetime that knows its zone.

    Raises:
        InvalidInputError: it is neither.
    """
    if not isinstance(value, datetime):
        return check_number(what, value)
    if value.tzinfo is None:
        raise InvalidInputError(f"{what} is a datetime without a time zone")
    return value.timestamp()


def _checked_init(init: object) -> dict[str, PlainJson]:
    checked = plain_object("init", init)
    unknown = sorted(checked.keys() - OPTIONS)
    if unknown:
        raise InvalidInputError(f"init has {unknown[0]!r}, which an execution has not")
    return checked


def _merge_input(
    value: PlainJson, options: Mapping[str, object], inputs: Mapping[str, object]
) -> PlainJson:
    if "input_value" in options:
        value = plain("input_value", options["input_value"])
    more: dict[str, PlainJson] = {}
    if options.get("inputs") is not None:
        more |= plain_object("inputs", options["inputs"])
    for name, item in inputs.items():
        more[name] = plain(name, item)
    if not more:
        return {} if value is None and options.get("inputs") is not None else value
    if value is None:
        return more
    if not isinstance(value, dict):
        raise InvalidInputError(
            f"input_value is {type(value).__name__}, nothing can be merged into it"
        )
    return {**value, **more}


def _apply_running(start: StartChild, options: Mapping[str, object]) -> StartChild:
    if not options.get("run", True):
        return replace(start, is_held=True, is_detached=False, wait=None)
    wait = options.get("wait", True)
    if wait is False or wait is None:
        return replace(start, is_held=False, is_detached=True, wait=None)
    return replace(start, is_held=False, is_detached=False, wait=check_return_when(wait))


def _apply_rest(start: StartChild, options: Mapping[str, object]) -> StartChild:
    minutes, not_after = options.get("max_runtime_minutes"), options.get("not_after")
    if minutes is not None:
        start = replace(start, max_runtime_minutes=check_number("max_runtime_minutes", minutes))
    if not_after is not None:
        start = replace(start, not_after=check_time("not_after", not_after))
    start = replace(
        start,
        name=_text_option("name", options, start.name),
        remote_workspace_name=_text_option(
            "remote_workspace_name", options, start.remote_workspace_name
        ),
        protect_inputs=_names_option("protect_inputs", options, start.protect_inputs),
        protect_outputs=_names_option("protect_outputs", options, start.protect_outputs),
    )
    if start.script is not None and start.remote_workspace_name is not None:
        raise InvalidInputError("a script runs in this workspace only; name a flow instead")
    return start


def _text_option(option: str, options: Mapping[str, object], before: str | None) -> str | None:
    text = options.get(option, before)
    if not isinstance(text, str | None):
        raise InvalidInputError(f"{option} is {type(text).__name__}, not text")
    plain(option, text)
    return text


def _names_option(
    option: str, options: Mapping[str, object], before: list[str] | None
) -> list[str] | None:
    value = options.get(option, before)
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, list | tuple | set | frozenset):
        raise InvalidInputError(f"{option} is {value!r}, not a list of names")
    names = [str(plain(option, each)) for each in value]
    return sorted(names) if isinstance(value, set | frozenset) else names
