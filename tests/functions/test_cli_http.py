"""The command line beside a running host, and over HTTP to one."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cli_runner import CommandLine
from tieline.config import EmbeddedSettings
from tieline.embedded.host import EmbeddedHost
from tieline.embedded.server import Listen, WebServer

SCRIPTS = {
    "greet": (
        "def handler(system, this, inputs):\n"
        "    this.log('working', step=1)\n"
        "    print('printed')\n"
        "    return {'greeting': inputs.get('name', 'world')}\n"
    ),
    "fail": "def handler(system, this):\n    this.error('out of paper')\n",
    "wait": "def handler(system, this):\n    this.log('begun')\n    this.sleep(600)\n",
}


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """A running workspace with some flows: its command line, and its address."""
    local = CommandLine(tmp_path_factory.mktemp("host")).init()
    for name, script in SCRIPTS.items():
        local.ok("flow", "add", name, "-", stdin=script.encode())
    running = EmbeddedHost(EmbeddedSettings(data_directory=local.directory))
    running.start()
    listen = Listen(host="127.0.0.1", port=0)
    server = WebServer(running.workspace, running.endpoint, running.threads, listen)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield local, server.url
    server.stop()
    thread.join()
    running.stop()
    local.check_no_secret_was_printed()


@pytest.fixture(scope="module")
def admin_token(host):
    return host[0].json("token", "create", "tests", "--role", "organization-admin")["token"]


@pytest.fixture(params=["beside the host", "over HTTP"])
def cli(request, host, tmp_path):
    """The same workspace by both ways."""
    if request.param == "beside the host":
        return host[0]
    token = request.getfixturevalue("admin_token")
    return CommandLine(tmp_path, TIELINE_URL=host[1], TIELINE_TOKEN=token)


@pytest.fixture
def remote(host, admin_token, tmp_path):
    return CommandLine(tmp_path, TIELINE_URL=host[1], TIELINE_TOKEN=admin_token)


def test_run_shows_status_log_and_output(cli):
    outcome = cli.run("run", "greet", "-i", "name=Ada")
    assert outcome.code == 0, outcome
    first, second, *output = outcome.out.splitlines()
    assert first.endswith("  working  step=1")
    assert second.endswith("  printed")
    assert output == ["{", '  "greeting": "Ada"', "}"]
    assert outcome.err.splitlines()[-1] == "status ENDED_SUCCESS"


def test_run_with_json_prints_the_final_view_and_logs_to_standard_error(cli):
    outcome = cli.run("--json", "run", "greet")
    assert outcome.json["output_value"] == {"greeting": "world"}
    assert outcome.json["status"] == "ENDED_SUCCESS"
    assert "  working  step=1\n" in outcome.err


def test_run_of_a_failing_flow_exits_with_1_and_its_message(cli):
    outcome = cli.run("run", "fail")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.splitlines()[-1].startswith("error: ENDED_ERROR")
    assert "out of paper" in outcome.err


def test_run_of_a_failing_flow_prints_its_view_with_json(cli):
    outcome = cli.run("--json", "run", "fail")
    assert (outcome.code, outcome.json["status"]) == (1, "ENDED_ERROR")


def test_log_is_printed_afterwards(cli):
    execution_id = cli.json("run", "greet")["id"]
    plain = cli.ok("execution", "log", execution_id)
    assert [line.split("  ", 1)[1] for line in plain.splitlines()] == ["working  step=1", "printed"]
    document = cli.json("execution", "log", execution_id)
    assert [line["message"] for line in document["lines"]] == ["working", "printed"]


def test_running_execution_is_cancelled(cli):
    execution_id = cli.ok("run", "wait", "--detach").strip()
    cli.ok("execution", "cancel", execution_id)
    cli.ok("execution", "log", execution_id, "--follow")
    assert cli.json("execution", "show", execution_id)["status"] == "ENDED_CANCELLED"


def test_records_are_the_same_by_both_ways(host, remote):
    remote.ok("setting", "set", "limits", "[1]")
    assert host[0].json("setting", "get", "limits") == remote.json("setting", "get", "limits")
    remote.ok("file", "put", "a/b c.txt", "-", stdin=b"\x00\xff")
    assert host[0].json("file", "get", "a/b c.txt") == remote.json("file", "get", "a/b c.txt")
    assert host[0].json("key", "show") == remote.json("key", "show")
    remote.ok("file", "delete", "a/b c.txt")
    remote.ok("link", "create", "other")
    assert [each["name"] for each in host[0].json("link", "list")["items"]] == ["other"]
    host[0].ok("link", "delete", "other")


def test_doctor_looks_at_a_workspace_elsewhere(remote):
    text = remote.ok("doctor")
    assert "ok    workspace: here answers" in text
    assert "data directory" not in text


def test_doctor_sees_the_running_host(host):
    assert "ok    host: a process runs the workspace" in host[0].run("doctor").out


def test_second_host_of_a_directory_is_refused(host):
    assert "another process runs the workspace" in host[0].error("serve", "--port", "0")
    assert "another process runs the workspace" in host[0].error("agent", "run")


def test_role_that_is_needed_is_named(host, remote, tmp_path):
    token = remote.json("token", "create", "weak", "--role", "viewer")["token"]
    viewer = CommandLine(tmp_path, TIELINE_URL=host[1], TIELINE_TOKEN=token)
    assert "organization-admin" in viewer.error("link", "list")
    remote.ok("token", "delete", "weak")
    assert "TIELINE_TOKEN" in viewer.error("flow", "list")


def test_missing_token_says_where_it_belongs(host, tmp_path):
    line = CommandLine(tmp_path, TIELINE_URL=host[1])
    assert "put a valid token into TIELINE_TOKEN" in line.error("flow", "list")
    assert line.run("--json", "flow", "list").problem["status"] == 401


def test_options_stand_for_the_variables(host, admin_token, tmp_path):
    line = CommandLine(tmp_path)
    assert line.ok("flow", "list", "--url", f"{host[1]}/", "--token", admin_token)
    assert line.ok("flow", "list", f"--url={host[1]}/api/latest", f"--token={admin_token}")


def test_data_directory_wins_over_the_address_of_the_environment(host, tmp_path):
    line = CommandLine(tmp_path, TIELINE_URL="https://nowhere.invalid")
    assert line.ok("--data-dir", str(host[0].directory), "flow", "list")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://workspace.example", "must begin with https://, or the token could be read"),
        ("workspace.example", "must look like https://"),
        ("https://", "must look like https://"),
        ("https://[::1", "is not a URL"),
        ("https://a:b@workspace.example", "must not hold a user"),
        ("https://workspace.example?x=1", "must look like https://"),
    ],
)
def test_address_that_cannot_be_used_is_explained(tmp_path, url, words):
    message = CommandLine(tmp_path, TIELINE_URL=url).error("flow", "list")
    assert message.startswith(f"TIELINE_URL (--url): {words}")


@pytest.mark.parametrize("token", ["a b", "ä", "a\nb"])
def test_damaged_token_is_not_sent(tmp_path, token):
    line = CommandLine(tmp_path, TIELINE_URL="https://w.example", TIELINE_TOKEN=token)
    message = line.error("flow", "list")
    assert message == "TIELINE_TOKEN (--token): is not a token; copy it again, whole"


def test_file_of_authorities_that_cannot_be_used_is_named(tmp_path):
    line = CommandLine(tmp_path, TIELINE_URL="https://w.example")
    assert "cannot be read" in line.error("--ca-file", "nowhere", "flow", "list")
    assert "holds no certificate" in line.error("--ca-file", line.file("ca", "x"), "flow", "list")


def test_workspace_that_is_not_there_is_said_to_be_out_of_reach(tmp_path):
    line = CommandLine(tmp_path, TIELINE_URL="http://127.0.0.1:1")
    message = line.error("flow", "list")
    assert message == "http://127.0.0.1:1 cannot be reached: Connection refused"


def test_log_of_a_workspace_that_is_not_there_is_not_waited_for(tmp_path):
    line = CommandLine(tmp_path, TIELINE_URL="http://127.0.0.1:1")
    assert "cannot be reached" in line.error("execution", "log", "x")


@contextmanager
def other_server(status, body):
    """An HTTP server that is no workspace."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Location", "https://elsewhere.example/")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # It looks that often whether it shall stop.
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"<html>"), (302, b""), (404, b"<html>"), (500, b'{"message": 1}'), (200, b"[]")],
)
def test_server_that_is_no_workspace_is_told_apart(tmp_path, status, body):
    with other_server(status, body) as url:
        message = CommandLine(tmp_path, TIELINE_URL=url).error("flow", "list")
    assert message.endswith("is not one of a Tieline workspace; check the URL")
