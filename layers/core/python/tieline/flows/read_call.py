"""Gives the call that a frame of a flow process holds; the process is not trusted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import get_args

from tieline.errors import OutputError
from tieline.flows.calls import Call
from tieline.flows.frames import FrameError
from tieline.protocol.plain_json import PlainJson, check_json

_NONE = type(None)

_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "str | None": (str, _NONE),
    "str | Unset": (str,),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "float | None": (int, float, _NONE),
    "Names": (list,),
    "Names | None": (list, _NONE),
    "Fields": (dict,),
    "list[PlainJson] | None": (list, _NONE),
    "PlainJson": (object,),
    "PlainJson | Unset": (object,),
}
"""What each annotation in `calls` accepts from the wire; another one there is a KeyError here."""

CALLS: dict[str, type[Call]] = {each.NAME: each for each in get_args(Call)}

_ANNOTATIONS: dict[str, dict[str, str]] = {
    name: {field.name: str(field.type) for field in fields(call)} for name, call in CALLS.items()
}

_REQUIRED: dict[str, frozenset[str]] = {
    name: frozenset(field.name for field in fields(call) if field.default is MISSING)
    for name, call in CALLS.items()
}


def read_call(name: str, args: Mapping[str, PlainJson]) -> Call:
    """Gives the call of that name with these arguments.

    Raises:
        FrameError: an unknown call or argument, one missing, or one of another type.
    """
    if name not in CALLS:
        raise FrameError(f"there is no call {name!r}")
    annotations = _ANNOTATIONS[name]
    if not _REQUIRED[name] <= args.keys() <= annotations.keys():
        raise FrameError(f"{name} takes {sorted(annotations)}, not {sorted(args)}")
    for argument, value in args.items():
        _check_argument(f"{name}.{argument}", value, annotations[argument])
    make: Callable[..., Call] = CALLS[name]
    return make(**args)


def _check_argument(path: str, value: PlainJson, annotation: str) -> None:
    is_number = annotation.startswith(("int", "float"))
    if not isinstance(value, _TYPES[annotation]) or (is_number and isinstance(value, bool)):
        raise FrameError(f"{path} is {type(value).__name__}, not {annotation}")
    if annotation.startswith("Names") and isinstance(value, list):
        for each in value:
            if not isinstance(each, str):
                raise FrameError(f"{path} holds {type(each).__name__}, not only names")
    try:
        check_json(value, path)
    except OutputError as error:
        raise FrameError(str(error)) from error
