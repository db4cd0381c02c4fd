"""Flows, settings, files, tokens and the key from the command line."""

import base64
import json

import pytest

from cli_runner import CommandLine
from fakes import public_text

SCRIPT = "def handler(system, this):\n    return 1\n"


@pytest.fixture
def cli(tmp_path):
    line = CommandLine(tmp_path).init()
    yield line
    line.check_no_secret_was_printed()


def add_flow(cli, name="nightly"):
    return cli.json("flow", "add", name, cli.file("flow.py", SCRIPT))


def test_flow_is_added_from_a_file_and_shown(cli):
    assert add_flow(cli)["name"] == "nightly"
    assert cli.ok("flow", "show", "nightly") == SCRIPT
    assert cli.json("flow", "show", "nightly")["script"] == SCRIPT


def test_flow_is_added_from_standard_input(cli):
    cli.ok("flow", "add", "nightly", "-", stdin=SCRIPT.encode())
    assert cli.ok("flow", "show", "nightly") == SCRIPT


def test_script_goes_through_a_pipe_unchanged(cli):
    odd = SCRIPT + "# \u202e \x1b[31m\n"
    cli.ok("flow", "add", "odd", "-", stdin=odd.encode())
    assert cli.ok("flow", "show", "odd") == odd


def test_flow_is_changed(cli):
    add_flow(cli)
    changed = SCRIPT.replace("1", "2")
    assert "is changed" in cli.ok("flow", "set", "nightly", cli.file("flow.py", changed))
    assert cli.ok("flow", "show", "nightly") == changed


def test_flow_is_deleted(cli):
    add_flow(cli)
    assert cli.ok("flow", "delete", "nightly") == "flow nightly is deleted\n"
    assert cli.json("flow", "list")["items"] == []


def test_deletion_is_one_json_document(cli):
    add_flow(cli)
    assert cli.json("flow", "delete", "nightly") == {"name": "nightly", "is_deleted": True}


@pytest.mark.parametrize(
    "arguments",
    [
        ("flow", "show", "no"),
        ("flow", "delete", "no"),
        ("setting", "get", "no"),
        ("setting", "delete", "no"),
        ("file", "get", "no"),
        ("file", "delete", "no"),
        ("token", "delete", "no"),
    ],
)
def test_unknown_record_is_named(cli, arguments):
    assert cli.error(*arguments) == f"{arguments[0]} 'no' does not exist"


def test_unknown_flow_is_not_changed(cli):
    message = cli.error("flow", "set", "no", cli.file("flow.py", SCRIPT))
    assert message == "flow 'no' does not exist"


@pytest.mark.parametrize("command", ["show", "delete"])
def test_empty_name_is_no_list(cli, command):
    assert cli.error("flow", command, "") == "name: is empty; name a flow"


def test_syntax_error_of_a_script_is_shown_with_its_line(cli):
    message = cli.error("flow", "add", "bad", cli.file("flow.py", "def handler(:\n"))
    assert message.startswith("script: ")
    assert "line 1" in message


def test_script_that_is_no_text_is_refused(cli):
    message = cli.error("flow", "add", "bad", cli.file("flow.py", b"\xff\xfe"))
    assert "is not UTF-8 text" in message


def test_flow_of_a_name_that_is_taken_is_refused(cli):
    add_flow(cli)
    assert "exists already" in cli.error("flow", "add", "nightly", cli.file("flow.py", SCRIPT))


def test_list_is_a_table_of_names(cli):
    add_flow(cli)
    head, row = cli.ok("flow", "list").splitlines()
    assert head.split()[:2] == ["NAME", "ID"]
    assert row.startswith("nightly ")


def test_empty_list_says_so(cli):
    assert cli.ok("flow", "list") == "no flows\n"


def test_long_cells_are_not_cut_in_a_pipe(cli):
    cli.ok("setting", "set", "long", json.dumps("x" * 500))
    assert "x" * 500 in cli.ok("setting", "list")


def test_markup_in_a_name_is_shown_as_it_is(cli):
    cli.ok("setting", "set", "[red]a", "1")
    assert "[red]a" in cli.ok("setting", "list")


def test_value_cannot_steer_the_terminal(cli):
    cli.ok("setting", "set", "odd", '"\\u009b31m \\u202e"')
    assert "\\u" not in cli.ok("setting", "list")
    assert not {"\u009b", "\u202e"} & set(cli.ok("setting", "list"))


def test_page_names_the_next_one(cli):
    for name in "abc":
        cli.ok("setting", "set", name, "1")
    outcome = cli.run("setting", "list", "--limit", "2")
    cursor = cli.json("setting", "list", "--limit", "2")["next"]
    assert f"--after {cursor}" in outcome.err
    rest = cli.json("setting", "list", "--limit", "2", "--after", cursor)
    assert [each["name"] for each in rest["items"]] == ["c"]
    assert rest["next"] is None


def test_all_pages_are_one_document(cli):
    for name in "abc":
        cli.ok("setting", "set", name, "1")
    page = cli.json("setting", "list", "--limit", "1", "--all-pages")
    assert [each["name"] for each in page["items"]] == ["a", "b", "c"]
    assert page["next"] is None


def test_filters_are_anded(cli):
    for name, value in (("a-1", "1"), ("a-2", "2"), ("b-2", "2")):
        cli.ok("setting", "set", name, value)
    page = cli.json("setting", "list", "--filter", "name^=a-", "--filter", "value=2")
    assert [each["name"] for each in page["items"]] == ["a-2"]


def test_filter_on_an_unknown_field_is_refused(cli):
    message = cli.error("setting", "list", "--filter", "nme=1")
    assert message.startswith("filter: there is no such field; use one of ")


def test_limit_out_of_range_is_a_usage_error(cli):
    assert cli.run("flow", "list", "--limit", "501").code == 2


def test_setting_is_made_changed_and_printed_as_json(cli):
    cli.ok("setting", "set", "limits", '{"b": 1, "a": "ü"}')
    assert cli.ok("setting", "get", "limits") == '{\n  "b": 1,\n  "a": "ü"\n}\n'
    assert cli.json("setting", "set", "limits", "null")["value"] is None
    assert cli.json("setting", "get", "limits")["value"] is None


def test_setting_is_read_from_standard_input(cli):
    cli.ok("setting", "set", "limits", "-", stdin=b"[1]")
    assert json.loads(cli.ok("setting", "get", "limits")) == [1]


@pytest.mark.parametrize("value", ["hello", "NaN", "{"])
def test_value_that_is_not_json_is_refused_with_the_cure(cli, value):
    assert cli.error("setting", "set", "x", value).startswith("value: is not JSON; text needs")
    assert cli.json("setting", "list")["items"] == []


def test_setting_is_deleted(cli):
    cli.ok("setting", "set", "limits", "1")
    cli.ok("setting", "delete", "limits")
    assert cli.json("setting", "list")["items"] == []


def test_file_keeps_its_bytes(cli):
    content = bytes(range(256))
    stored = cli.json("file", "put", "reports/a b.bin", cli.file("local", content))
    assert stored["size"] == 256
    target = cli.files / "out.bin"
    assert "256 bytes" in cli.ok("file", "get", "reports/a b.bin", "-o", str(target))
    assert target.read_bytes() == content
    shown = cli.json("file", "get", "reports/a b.bin")
    assert base64.b64decode(shown["content"]) == content


def test_file_is_written_to_standard_output_as_it_is(cli):
    cli.ok("file", "put", "motd", "-", stdin=b"hello")
    assert cli.ok("file", "get", "motd") == "hello"


def test_file_is_replaced_listed_and_deleted(cli):
    cli.ok("file", "put", "motd", "-", stdin=b"hello")
    cli.ok("file", "put", "motd", "-", stdin=b"bye")
    assert cli.ok("file", "get", "motd") == "bye"
    assert "motd" in cli.ok("file", "list")
    cli.ok("file", "delete", "motd")
    assert cli.json("file", "list")["items"] == []


def test_local_file_that_is_not_there_is_named(cli):
    message = cli.error("file", "put", "motd", "nowhere")
    assert message == "content: file nowhere cannot be read: No such file or directory"


def test_output_that_cannot_be_written_is_named(cli):
    cli.ok("file", "put", "motd", "-", stdin=b"hello")
    assert "output: " in cli.error("file", "get", "motd", "-o", str(cli.files / "no" / "x"))


def test_token_is_shown_once(cli):
    outcome = cli.run("token", "create", "ci", "--role", "user")
    text = outcome.out.strip()
    assert text.startswith("tieline_")
    assert text not in cli.ok("token", "list") + json.dumps(cli.json("token", "list"))
    assert "only now" in outcome.err


def test_token_has_the_role_and_the_days_it_was_made_with(cli):
    made = cli.json("token", "create", "ci", "--role", "viewer", "--expires-in-days", "1")
    assert made["role"] == "viewer"
    assert "in 23 hours" in cli.ok("token", "list", "--filter", "name=ci")


def test_unknown_role_is_refused(cli):
    assert cli.error("token", "create", "ci", "--role", "root").startswith("role: ")


def test_token_is_revoked(cli):
    cli.ok("token", "create", "ci", "--role", "viewer")
    cli.ok("token", "delete", "ci")
    assert [each["name"] for each in cli.json("token", "list")["items"]] == ["first-admin"]


def test_key_show_prints_the_public_key_and_its_fingerprint(cli):
    text = cli.ok("key", "show")
    assert text.startswith(public_text("here"))
    assert f"fingerprint: {cli.json('key', 'show')['fingerprint']}" in text


def test_problem_document_is_printed_with_json(cli):
    outcome = cli.run("--json", "flow", "show", "no")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.problem["status"] == 404
    assert outcome.problem["code"] == "not-found"


def test_problem_of_the_command_itself_is_a_document_as_well(cli):
    outcome = cli.run("--json", "setting", "set", "x", "{")
    assert outcome.code == 1
    assert outcome.problem["field"] == "value"


def test_global_options_may_stand_behind_the_command(cli):
    assert json.loads(cli.ok("flow", "list", "--json")) == {"items": [], "next": None}
    elsewhere = str(cli.files / "elsewhere")
    assert elsewhere in cli.error("flow", "list", "--data-dir", elsewhere)


def test_two_workspaces_at_once_are_a_usage_error(cli):
    assert cli.run("--url", "https://w.example", "--data-dir", "x", "flow", "list").code == 2


def test_wrong_setting_of_the_environment_is_named(cli):
    line = CommandLine(cli.files, TIELINE_PORT="many")
    assert line.error("flow", "list").startswith("TIELINE_PORT: ")
