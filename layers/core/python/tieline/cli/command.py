"""Makes commands of functions: groups of options from dataclasses, examples in the help."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, get_type_hints

import typer

from tieline.cli.session import Session

Function = Callable[..., None]


def new_group(summary: str) -> typer.Typer:
    """Gives an empty group of commands, such as `tieline link`."""
    group = typer.Typer(
        help=summary,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    # With a callback a group stays a group, even when it has one command only.
    group.callback()(_enter)
    return group


def new_command() -> typer.Typer:
    """Gives the holder of a single command, such as `tieline run`."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def command(
    app: typer.Typer, *examples: str, name: str | None = None
) -> Callable[[Function], Function]:
    """Adds the function as a command; `examples` are command lines without `tieline`.

    A parameter of type `Session` gets the session. A parameter whose type is a dataclass becomes
    one option for each of its fields.
    """
    lines = [f"  tieline {each}" for each in examples]
    epilog = "\n".join(["\b", "Example:" if len(lines) == 1 else "Examples:", *lines])

    def add(function: Function) -> Function:
        app.command(name, epilog=epilog)(spread(function))
        return function

    return add


def spread(function: Function) -> Function:
    """Gives the function as typer wants it: with the session's context, one parameter an option."""
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, type] = {}
    parameters = [_parameter("context", typer.Context, inspect.Parameter.empty)]
    session_name = ""
    for name, parameter in inspect.signature(function).parameters.items():
        hint = hints[name]
        if hint is Session:
            session_name = name
        elif isinstance(hint, type) and is_dataclass(hint):
            groups[name] = hint
            parameters += _parameters_of(hint)
        else:
            parameters.append(_parameter(name, hint, parameter.default))

    def callback(context: typer.Context, **values: Any) -> None:
        arguments = {
            name: group(**{each.name: values.pop(each.name) for each in fields(group)})
            for name, group in groups.items()
        }
        if session_name:
            arguments[session_name] = context.obj
        function(**values, **arguments)

    callback.__name__, callback.__doc__ = function.__name__, function.__doc__
    callback.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    callback.__annotations__ = {each.name: each.annotation for each in parameters}
    return callback


def _parameters_of(group: type) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [_parameter(each.name, hints[each.name], _default(each)) for each in fields(group)]


def _default(field: Field[Any]) -> Any:
    return inspect.Parameter.empty if field.default is MISSING else field.default


def _parameter(name: str, hint: Any, default: Any) -> inspect.Parameter:
    # Keyword-only, because then options with a default may come before arguments without one.
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=hint)


def _enter() -> None:
    return
