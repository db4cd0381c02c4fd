"""Executions and `run` on a workspace that no host runs."""

import os
import select

import pytest

from cli_runner import CommandLine
from tieline.bootstrap import WAKE

SCRIPT = "def handler(system, this):\n    return 1\n"


@pytest.fixture
def cli(tmp_path):
    line = CommandLine(tmp_path).init()
    line.ok("flow", "add", "nightly", "-", stdin=SCRIPT.encode())
    yield line
    line.check_no_secret_was_printed()


def start(cli, *options):
    return cli.json("run", "nightly", "--detach", *options)


def test_detached_run_prints_the_id(cli):
    printed = cli.ok("run", "nightly", "--detach").strip()
    assert cli.json("execution", "show", printed)["status"] == "PENDING"


def test_run_without_a_host_says_why_it_waits(cli):
    assert "no host runs this workspace now" in cli.run("run", "nightly", "--detach").err


def test_run_gives_up_watching_at_its_timeout(cli):
    outcome = cli.run("run", "nightly", "--timeout", "0")
    [execution] = cli.json("execution", "list")["items"]
    assert outcome.code == 1
    assert f"tieline execution log {execution['id']} --follow" in outcome.err
    assert execution["status"] == "PENDING"


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ((), None),
        (("--input", "[1, 2]"), [1, 2]),
        (
            ("-i", "a=1", "-i", "b=x y", "-i", 'c={"d": null}'),
            {"a": 1, "b": "x y", "c": {"d": None}},
        ),
        (("-i", "a=b=c", "-i", "empty="), {"a": "b=c", "empty": ""}),
        (("-i", "a=NaN"), {"a": "NaN"}),
    ],
)
def test_input_value_is_made_of_the_options(cli, options, value):
    assert start(cli, *options)["input_value"] == value


def test_input_value_is_read_from_a_file_and_from_standard_input(cli):
    assert start(cli, "--input-file", cli.file("in.json", '{"a": 1}'))["input_value"] == {"a": 1}
    made = cli.json("run", "nightly", "--detach", "--input-file", "-", stdin=b"5")
    assert made["input_value"] == 5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--input", "{"), "input: is not JSON"),
        (("-i", "a"), "input: 'a' is not of the form KEY=VALUE"),
        (("-i", "a=1", "--input", "{}"), "input: give one of"),
        (("--input-file", "nowhere"), "input: file nowhere cannot be read"),
        (("--max-runtime-minutes", "0"), "max_runtime_minutes: "),
        (("--max-runtime-minutes", "nan"), "max_runtime_minutes: must be a finite number"),
        (("--on", "no"), "remote workspace 'no' is unknown: no sync config has that name"),
    ],
)
def test_bad_option_of_run_starts_nothing(cli, options, words):
    assert cli.error("run", "nightly", *options).startswith(words)
    assert cli.json("execution", "list")["items"] == []


def test_run_of_an_unknown_flow_is_refused(cli):
    assert cli.error("run", "no").startswith("flow 'no' does not exist")


def test_name_is_given_to_the_execution(cli):
    assert start(cli, "--name", "tonight")["name"] == "tonight"


def test_executions_are_listed_newest_first(cli):
    first, second = start(cli), start(cli)
    assert [each["id"] for each in cli.json("execution", "list")["items"]] == [
        second["id"],
        first["id"],
    ]
    assert first["id"] in cli.ok("execution", "list")


def test_executions_are_filtered(cli):
    start(cli, "--name", "a")
    start(cli, "--name", "b")
    page = cli.json("execution", "list", "--filter", "name=a", "--filter", "status=PENDING")
    assert [each["name"] for each in page["items"]] == ["a"]


def test_children_of_an_execution_are_listed(cli):
    parent = start(cli)
    assert cli.json("execution", "list", "--parent", parent["id"])["items"] == []
    assert len(cli.json("execution", "list", "--all")["items"]) == 1


def test_execution_is_shown(cli):
    execution = start(cli, "-i", "a=1")
    text = cli.ok("execution", "show", execution["id"])
    assert '{"a": 1}' in text
    assert "PENDING" in text


def test_wishes_are_recorded(cli):
    execution_id = start(cli)["id"]
    assert "pause requested" in cli.ok("execution", "pause", execution_id)
    assert cli.json("execution", "show", execution_id)["desired"] == "pause"
    assert "resume requested" in cli.ok("execution", "resume", execution_id)
    assert cli.json("execution", "show", execution_id)["desired"] == "run"
    assert cli.json("execution", "cancel", execution_id)["status"] == "ENDED_CANCELLED"
    assert "has ended already" in cli.ok("execution", "cancel", execution_id)


def test_log_of_an_execution_that_did_not_start_is_empty(cli):
    execution_id = start(cli)["id"]
    assert cli.ok("execution", "log", execution_id) == ""
    assert cli.json("execution", "log", execution_id)["lines"] == []


@pytest.mark.parametrize("command", ["show", "log", "cancel", "pause", "resume"])
def test_unknown_execution_is_named(cli, command):
    unknown = "01970c1e-0000-7000-8000-000000000000"
    assert cli.error("execution", command, unknown) == f"execution {unknown} does not exist"


def test_host_is_woken_by_a_write_and_not_by_reading(cli):
    os.mkfifo(cli.directory / WAKE)
    host = os.open(cli.directory / WAKE, os.O_RDWR | os.O_NONBLOCK)
    try:
        cli.ok("execution", "list")
        assert select.select([host], [], [], 0) == ([], [], [])
        cli.ok("link", "create", "cloud")
        assert select.select([host], [], [], 0)[0] == [host]
        assert "no host" not in cli.run("run", "nightly", "--detach").err
    finally:
        os.close(host)
