"""`tieline`: the table of commands and the options that all of them share."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from tieline.cli.root import Entry, RootGroup, Section
from tieline.cli.session import Session


class Tieline(RootGroup):
    """The commands, in the order in which they are shown."""

    sections = (
        Section(
            "Set up and run a workspace",
            (
                Entry("init", "init", "Make a workspace on this machine"),
                Entry("serve", "serve", "Run the workspace and its web server"),
                Entry("agent", "agent", "Run the workspace without any listening socket"),
                Entry("demo", "demo", "Two linked workspaces run flows in each other"),
                Entry("doctor", "doctor", "Find out what is wrong, and what to do"),
            ),
        ),
        Section(
            "Link it to another workspace",
            (
                Entry("link", "links", "Links to other workspaces"),
                Entry("key", "keys", "The workspace's public key, to give to the other side"),
                Entry("token", "tokens", "Tokens for the REST interface"),
            ),
        ),
        Section(
            "Work with flows",
            (
                Entry("run", "run", "Run a flow, here or behind a link, and watch it"),
                Entry("execution", "executions", "What runs and what ran"),
                Entry("flow", "flows", "Scripts that executions run"),
                Entry("setting", "settings", "JSON values that flows share"),
                Entry("file", "files", "Files that flows share"),
            ),
        ),
    )


app = typer.Typer(
    name="tieline",
    cls=Tieline,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=(
        "A command works on the data directory of this machine, or on a running workspace when "
        "--url (or TIELINE_URL) names one. `tieline COMMAND --help` shows examples."
    ),
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        from tieline import __version__  # noqa: PLC0415 - not needed by any other command

        typer.echo(f"tieline {__version__}")
        raise typer.Exit


DataDir = Annotated[
    str, typer.Option(metavar="DIR", help="Data directory (TIELINE_DATA_DIRECTORY; ~/.tieline)")
]
Url = Annotated[
    str, typer.Option(metavar="URL", help="Work on the workspace at this address (TIELINE_URL)")
]
TokenText = Annotated[
    str,
    typer.Option(
        metavar="TOKEN", help="Token for that address; better in TIELINE_TOKEN, as ps shows options"
    ),
]
CaFile = Annotated[
    str,
    typer.Option(metavar="FILE", help="Certificate authorities of that address (TIELINE_CA_FILE)"),
]
IsJson = Annotated[
    bool, typer.Option("--json", help="Print exactly one JSON document instead of text")
]
Version = Annotated[
    bool,
    typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version"),
]


@app.callback()
def choose(
    context: typer.Context,
    data_dir: DataDir = "",
    url: Url = "",
    token: TokenText = "",
    ca_file: CaFile = "",
    is_json: IsJson = False,
    version: Version = False,
) -> None:
    """Links two automation workspaces so that each can run flows in the other."""
    del version
    if data_dir and url:
        raise typer.BadParameter("give either --data-dir or --url: each names a workspace")
    given = {
        "TIELINE_DATA_DIRECTORY": data_dir,
        "TIELINE_URL": url,
        "TIELINE_TOKEN": token,
        "TIELINE_CA_FILE": ca_file,
    }
    environment = {**os.environ, **{name: text for name, text in given.items() if text}}
    if data_dir:
        environment.pop("TIELINE_URL", None)
    session = Session(environment=environment, is_json=is_json)
    context.obj = session
    context.call_on_close(session.close)


def run() -> None:
    """Runs the command that the process was called with; the console script."""
    for stream in (sys.stdout, sys.stderr):
        # A name from another workspace must not end a command on a terminal of few letters.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app()
