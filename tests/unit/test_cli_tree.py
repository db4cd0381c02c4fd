"""The tree of commands: help with examples everywhere, and nothing loaded too early."""

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from tieline import __version__
from tieline.cli.main import Tieline, app
from tieline.cli.root import GLOBAL_FLAGS, GLOBAL_OPTIONS, hoist_options

ROOT = typer.main.get_command(app)


def walk(command, names=()):
    children = command.list_commands(None) if hasattr(command, "list_commands") else []
    if not children:
        yield names, command
    for name in children:
        yield from walk(command.get_command(None, name), (*names, name))


COMMANDS = dict(walk(ROOT))


def invoke(*arguments):
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_every_command_has_a_help_text_with_an_example(names):
    text = invoke(*names, "--help").stdout
    assert COMMANDS[names].help
    assert f"    tieline {' '.join(names)}" in text or f"tieline --json {' '.join(names)}" in text


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_no_command_takes_a_global_option_for_itself(names):
    own = {option for each in COMMANDS[names].params for option in each.opts}
    assert not own & (GLOBAL_OPTIONS | GLOBAL_FLAGS)


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_every_example_is_of_a_command_that_exists(names):
    for line in COMMANDS[names].epilog.splitlines():
        words = line.split()
        if words[:1] == ["tieline"]:
            assert any(
                list(each) == words[at : at + len(each)] for each in COMMANDS for at in (1, 2, 3)
            )


def test_every_summary_is_one_short_line():
    for section in Tieline.sections:
        for entry in section.entries:
            assert len(entry.summary) < 60
            assert not entry.summary.endswith(".")


def test_help_shows_every_command_in_its_section():
    text = invoke("--help").stdout
    for section in Tieline.sections:
        assert f"{section.title}:" in text
        for entry in section.entries:
            assert f"  {entry.name} " in text
            assert entry.summary in text


def test_help_loads_nothing_that_is_slow():
    code = (
        "import sys; from typer.testing import CliRunner; from tieline.cli.main import app; "
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0; "
        "print({'pydantic', 'cryptography', 'rich', 'urllib3', 'sqlite3'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def test_agent_loads_no_web_server():
    code = (
        "import sys, tieline.cli.agent; "
        "print({'uvicorn', 'starlette', 'aws_lambda_powertools', 'rich'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def test_version_is_printed():
    assert invoke("--version").stdout == f"tieline {__version__}\n"


def test_no_arguments_show_the_help():
    assert "Usage: tieline" in invoke().output


def test_mistyped_command_is_a_usage_error_with_a_suggestion():
    result = invoke("lnk")
    assert result.exit_code == 2
    assert "Did you mean 'link'?" in result.stderr


@pytest.mark.parametrize(
    ("given", "hoisted"),
    [
        (["flow", "list", "--json"], ["--json", "flow", "list"]),
        (["flow", "--url", "u", "list"], ["--url", "u", "flow", "list"]),
        (["flow", "--url=u", "list", "-x"], ["--url=u", "flow", "list", "-x"]),
        (["run", "f", "--", "--json"], ["run", "f", "--", "--json"]),
        (["flow", "--token"], ["--token", "flow"]),
    ],
)
def test_global_options_are_taken_wherever_they_stand(given, hoisted):
    assert hoist_options(given) == hoisted
