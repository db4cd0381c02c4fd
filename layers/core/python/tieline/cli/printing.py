"""Text for people and JSON for programs, both safe to show on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence

import typer

from tieline.protocol.values import Json

WIDE = 10_000
"""Columns when nobody looks: a table in a pipe must not be cut to some terminal's width."""

_CONTROLS = [code for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"]
_TURNS = [0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
"""They turn the direction of writing, so that one name can read as another."""

_STEERING = dict.fromkeys((*_CONTROLS, *_TURNS), "\ufffd")


def clean(text: str) -> str:
    """Gives text that cannot steer a terminal; names and logs may come from another workspace."""
    return text.translate(_STEERING)


def print_json(value: Json) -> None:
    """Prints one JSON document, in ASCII, so that it is the same on every terminal."""
    typer.echo(json.dumps(value, indent=2))


def readable(value: object) -> str:
    """Gives a value for people: text as it is, nothing as `-`, the rest as JSON."""
    if value is None or value == "":
        return "-"
    if isinstance(value, str):
        return clean(value)
    return clean(json.dumps(value, ensure_ascii=False))


def pretty(value: Json) -> str:
    """Gives a value as indented JSON for people."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def say(text: str = "") -> None:
    """Prints a line on standard output."""
    typer.echo(clean(text))


def say_exactly(text: str) -> None:
    """Prints a line as it is into a file or a pipe, and like `say` on a terminal."""
    # Bytes, because of text the library would take out colours and the locale letters.
    typer.echo(clean(text) if sys.stdout.isatty() else text.encode())


def note(text: str) -> None:
    """Prints a line on standard error: what is about the command, not its result."""
    typer.echo(clean(text), err=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Prints a table, or the words for an empty one."""
    found = [[readable(cell) for cell in row] for row in rows]
    if not found:
        say(empty)
        return
    # Imported late: it takes longer than everything else that a command without tables needs.
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for cells in found:
        # As `Text`, so that brackets in a name are not taken for markup.
        table.add_row(*(Text(cell) for cell in cells))
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else WIDE).print(table)


def print_fields(fields: Mapping[str, object]) -> None:
    """Prints one record, a line for each field."""
    width = max(len(name) for name in fields)
    for name, value in fields.items():
        first, *rest = readable(value).split("\n")
        say(f"{name:<{width}}  {first}")
        for line in rest:
            say(" " * (width + 2) + line)
