"""`tieline file`."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Annotated

import typer

from tieline.cli.command import command, new_group
from tieline.cli.inputs import read_bytes
from tieline.cli.listing import ListOptions
from tieline.cli.printing import say
from tieline.cli.records import delete_record, get_record, list_records, put_record
from tieline.cli.session import Session
from tieline.cli.wording import plural
from tieline.errors import InvalidFieldError

app = new_group("Files that flows share.")

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The file's name in the workspace, or its id")
]
Source = Annotated[str, typer.Argument(metavar="FILE", help="Local file; - reads standard input")]
Output = Annotated[
    str, typer.Option("--output", "-o", metavar="FILE", help="Write here, not to standard output")
]


@command(app, "file list", name="list")
def list_files(session: Session, options: ListOptions) -> None:
    """Lists files."""
    list_records(session, "file", options, ("name", "size", "updated_at"))


@command(app, "file get reports/may.csv -o may.csv")
def get(session: Session, name: Name, output: Output = "") -> None:
    """Writes a file's content; with --json its record, content in base64."""
    file = get_record(session.client, "file", name)
    content = _decode(file["content"])
    if output:
        _write(output, content)
        shown = {key: value for key, value in file.items() if key != "content"}
        session.show(shown, lambda: say(f"wrote {plural(len(content), 'byte')} to {output}"))
    else:
        session.show(file, lambda: typer.echo(content, nl=False))


@command(app, "file put reports/may.csv may.csv", "file put motd -")
def put(session: Session, name: Name, file: Source) -> None:
    """Stores a file, in place of one of the same name."""
    content = read_bytes("content", file)
    text = base64.b64encode(content).decode()
    stored = put_record(session.client, "file", name, "content", text)
    session.show(
        {key: value for key, value in stored.items() if key != "content"},
        lambda: say(f"file {stored['name']} is stored, {plural(len(content), 'byte')}"),
    )


@command(app, "file delete reports/may.csv")
def delete(session: Session, name: Name) -> None:
    """Deletes a file."""
    delete_record(session, "file", name)


def _decode(content: object) -> bytes:
    try:
        return base64.b64decode(str(content), validate=True)
    except binascii.Error as error:
        raise InvalidFieldError("content", "is not base64") from error


def _write(name: str, content: bytes) -> None:
    try:
        Path(name).expanduser().write_bytes(content)
    except OSError as error:
        problem = f"{name} cannot be written: {error.strerror}"
        raise InvalidFieldError("output", problem) from error
