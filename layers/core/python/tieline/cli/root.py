"""The root of the command tree: loads a command when it is asked for, reports every error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from tieline.errors import TielineError

GLOBAL_FLAGS = frozenset({"--json"})
GLOBAL_OPTIONS = frozenset({"--data-dir", "--url", "--token", "--ca-file"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One command: its name, the module below `tieline.cli` with its `app`, what it is for."""

    name: str
    module: str
    summary: str


@dataclass(frozen=True, slots=True)
class Section:
    """Commands that are shown together."""

    title: str
    entries: Sequence[Entry]


class RootGroup(TyperGroup):
    """A group whose commands are imported on demand, since every import costs start-up time."""

    sections: Sequence[Section] = ()

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._entries = {
            entry.name: entry for section in self.sections for entry in section.entries
        }
        # Only their names are looked at, for suggestions.
        self.commands = dict.fromkeys(self._entries)  # type: ignore[assignment]

    def list_commands(self, ctx: Any) -> list[str]:
        """Gives the names of all commands."""
        return list(self._entries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Gives a command, imported now; None when there is none of that name."""
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        command = typer.main.get_command(import_module(f"tieline.cli.{entry.module}").app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes the sections without importing a command."""
        for section in self.sections:
            with formatter.section(section.title):
                formatter.write_dl([(entry.name, entry.summary) for entry in section.entries])

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Takes global options wherever they stand."""
        return super().parse_args(ctx, hoist_options(args))

    def invoke(self, ctx: Any) -> Any:
        """Runs the command; an error becomes one line, or one problem document, and exit 1."""
        try:
            return super().invoke(ctx)
        except TielineError as error:
            # Imported late: a command that succeeds needs none of it.
            from tieline.cli.report import report_error  # noqa: PLC0415

            report_error(error, is_json=bool(ctx.params.get("is_json")))
            raise typer.Exit(1) from error


def hoist_options(args: Sequence[str]) -> list[str]:
    """Gives the arguments with global options in front; what follows `--` is left alone."""
    hoisted: list[str] = []
    rest: list[str] = []
    queue = list(args)
    while queue:
        argument = queue.pop(0)
        if argument == "--":
            rest += [argument, *queue]
            break
        if argument in GLOBAL_FLAGS or argument.partition("=")[0] in GLOBAL_OPTIONS:
            hoisted.append(argument)
            if argument in GLOBAL_OPTIONS and queue:
                hoisted.append(queue.pop(0))
        else:
            rest.append(argument)
    return hoisted + rest
