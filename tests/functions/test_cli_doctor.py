"""`tieline doctor`: what is wrong first, in plain words, and what to do."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from cli_runner import CommandLine
from fakes import private_pem
from tieline.adapters.sqlite_store import SqliteStore
from tieline.bootstrap import WAKE
from tieline.cli.installation_checks import check_clock
from tieline.cli.link_checks import CURES
from tieline.operations.probe_link import STEPS
from tieline.operations.records import link_row, load_config
from tieline.ports import Put
from tieline.protocol.link import LinkState


@pytest.fixture
def cli(tmp_path):
    line = CommandLine(tmp_path).init()
    yield line
    line.check_no_secret_was_printed()


@pytest.fixture
def host(cli):
    """Something that holds the wake pipe, as a running host does."""
    os.mkfifo(cli.directory / WAKE)
    descriptor = os.open(cli.directory / WAKE, os.O_RDWR)
    yield
    os.close(descriptor)


def checks(outcome):
    return {each["subject"]: each for each in outcome.json["checks"]}


def doctor(cli, *arguments):
    return cli.run("--json", "doctor", *arguments)


def add_link(cli, *options):
    cli.ok(
        *("link", "create", "cloud", "--remote-key", cli.public_file("peer"), "--enable"), *options
    )


def remember(cli, **state):
    store = SqliteStore(cli.directory / "tieline.db")
    link_id = load_config(store, "cloud").id
    store.write([Put(link_row(LinkState(id=link_id, **state), 0))])
    store.close()


@pytest.mark.usefixtures("host")
def test_all_is_well(cli):
    outcome = doctor(cli)
    assert (outcome.code, outcome.json["is_well"]) == (0, True)
    assert list(checks(outcome)) == ["data directory", "database", "key", "clock", "host", "links"]
    assert cli.ok("doctor").endswith("\nAll is well.\n")


def test_host_that_does_not_run_is_the_first_problem(cli):
    outcome = cli.run("doctor")
    assert outcome.code == 1
    assert outcome.out.splitlines()[-1].startswith("First, host: start `tieline serve`")


def test_missing_workspace_ends_the_check(tmp_path):
    outcome = doctor(CommandLine(tmp_path))
    assert outcome.code == 1
    assert list(checks(outcome)) == ["data directory"]
    assert "tieline init" in checks(outcome)["data directory"]["detail"]


def test_directory_that_others_can_read_is_named_with_the_cure(cli):
    cli.directory.chmod(0o750)
    assert "chmod 700" in checks(doctor(cli))["data directory"]["detail"]


def test_database_that_is_none_is_named(cli):
    for path in cli.directory.glob("tieline.db*"):
        path.write_bytes(b"no database" * 1000)
    outcome = doctor(cli)
    assert outcome.code == 1
    assert not checks(outcome)["database"]["is_ok"]


@pytest.mark.usefixtures("host")
def test_key_that_others_can_read_is_named_with_the_cure(cli):
    (cli.directory / "keys" / "workspace.pem").chmod(0o644)
    outcome = doctor(cli)
    assert outcome.code == 1
    assert "chmod 600" in checks(outcome)["key"]["detail"]


@pytest.mark.usefixtures("host")
def test_key_of_another_workspace_is_noticed(cli):
    (cli.directory / "keys" / "workspace.pem").write_bytes(private_pem("own"))
    found = checks(doctor(cli))["key"]
    assert (found["is_ok"], "put the workspace's own key back" in found["cure"]) == (False, True)


@pytest.mark.parametrize(
    ("days", "is_ok"), [(0, True), (365, True), (-1, False), (30 * 365, False)]
)
def test_clock_is_compared_with_the_age_of_the_workspace(days, is_ok):
    made = datetime(2026, 5, 4, tzinfo=UTC)
    assert check_clock(made, made + timedelta(days=days)).is_ok == is_ok


@pytest.mark.usefixtures("host")
def test_disabled_link_says_how_to_enable_it(cli):
    add_link(cli, "--disable")
    found = checks(doctor(cli))["link cloud"]
    assert not found["is_ok"]
    assert "tieline link set cloud --enable" in found["cure"]


@pytest.mark.usefixtures("host")
def test_port_where_nobody_is_is_explained(cli):
    add_link(cli, "--remote-url", "http://127.0.0.1:1/api/latest/sync_config/a/sync")
    outcome = cli.run("doctor", "cloud")
    assert outcome.code == 1
    assert "FAIL  link cloud: connection: " in outcome.out
    assert "no firewall" in outcome.out.splitlines()[-1]


@pytest.mark.usefixtures("host")
def test_link_that_only_answers_and_was_never_called_says_what_to_check_there(cli):
    add_link(cli)
    found = checks(doctor(cli))["link cloud"]
    assert not found["is_ok"]
    assert "/api/latest/sync_config/cloud/sync" in found["cure"]
    assert cli.json("key", "show")["fingerprint"] in found["cure"]


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize(("minutes", "code"), [(1, 0), (30, 1)])
def test_link_that_only_answers_is_well_while_it_is_heard(cli, minutes, code):
    add_link(cli)
    remember(cli, last_contact_in=datetime.now(UTC) - timedelta(minutes=minutes))
    outcome = cli.run("doctor")
    assert outcome.code == code
    assert f"was last heard {minutes} minute" in outcome.out


@pytest.mark.usefixtures("host")
def test_clocks_that_differ_much_are_a_problem(cli):
    add_link(cli)
    remember(cli, last_contact_in=datetime.now(UTC), clock_offset_seconds=-200.0)
    outcome = cli.run("doctor")
    assert outcome.code == 1
    assert "the two clocks differ by 3 minutes" in outcome.out


@pytest.mark.usefixtures("host")
def test_control_is_explained(cli):
    add_link(cli)
    remember(cli, last_contact_in=datetime.now(UTC))
    assert "the peer may start flows here" in cli.ok("doctor")


def test_unknown_link_is_named(cli):
    outcome = cli.run("doctor", "no")
    assert outcome.code == 1
    assert outcome.err == "error: sync config 'no' does not exist\n"


def test_every_step_that_can_fail_has_a_cure():
    assert set(STEPS) <= set(CURES)
