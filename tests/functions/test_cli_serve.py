"""`tieline serve` and `tieline agent run` as processes: address, signals, logs, TLS."""

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest
import trustme

from cli_runner import CommandLine
from tieline.cli.serve import exposure_warning
from tieline.embedded.server import Listen

SCRIPT = "def handler(system, this):\n    return 'done'\n"


@pytest.fixture
def cli(tmp_path):
    line = CommandLine(tmp_path).init()
    yield line
    line.check_no_secret_was_printed()


@pytest.fixture
def start(cli):
    """Starts a host in a process; gives the process and what it printed first."""
    processes = []

    def start_host(*arguments):
        environment = {
            name: text for name, text in os.environ.items() if not name.startswith("TIELINE_")
        }
        process = subprocess.Popen(
            [sys.executable, "-c", "from tieline.cli.main import run; run()", *arguments],
            env={**environment, "TIELINE_DATA_DIRECTORY": str(cli.directory)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process, json.loads(read_document(process.stdout))

    yield start_host
    for process in processes:
        process.kill()
        process.communicate()


def read_document(stream):
    text = ""
    for line in stream:
        text += line
        if line == "}\n":
            break
    return text


def stop(process, number=signal.SIGTERM):
    """Stops a host; gives its exit code and its log lines."""
    process.send_signal(number)
    _, log = process.communicate(timeout=60)
    return process.returncode, [json.loads(line) for line in log.splitlines()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_answers_at_its_address_until_a_signal(cli, start, number):
    process, started = start("--json", "serve", "--port", "0")
    token = cli.json("token", "create", "a", "--role", "viewer")["token"]
    assert started["name"] == "here"
    shown = cli.json("--url", started["url"], "--token", token, "key", "show")
    assert shown["name"] == "here"
    code, lines = stop(process, number)
    assert code == 0
    assert [line["action"] for line in lines] == ["workspace_started", "workspace_stopped"]


def test_agent_runs_flows_and_listens_nowhere(cli, start):
    process, started = start("--json", "agent", "run")
    cli.ok("flow", "add", "f", "-", stdin=SCRIPT.encode())
    assert cli.json("run", "f")["output_value"] == "done"
    host = psutil.Process(process.pid)
    for each in [host, *host.children(recursive=True)]:
        assert [one for one in each.net_connections("inet") if one.status == "LISTEN"] == []
    assert started == {"name": "here", "process_id": process.pid}
    code, lines = stop(process)
    assert code == 0
    ended = next(line for line in lines if line["action"] == "execution_changed")
    assert set(ended) >= {"at", "level", "message", "execution_id"}


def test_serve_with_a_certificate_speaks_https(cli, start):
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate = cli.file("chain.pem", issued.cert_chain_pems[0].bytes())
    key = cli.file("key.pem", issued.private_key_pem.bytes())
    files = ("--tls-cert", certificate, "--tls-key", key)
    _, started = start("--json", "serve", "--port", "0", *files)
    assert started["url"].startswith("https://127.0.0.1:")
    token = cli.json("token", "create", "a", "--role", "viewer")["token"]
    reach = ("--url", started["url"], "--token", token)
    trusted = ("--ca-file", cli.file("ca.pem", authority.cert_pem.bytes()))
    assert cli.json(*reach, *trusted, "key", "show")["name"] == "here"
    assert "its TLS certificate was refused" in cli.error(*reach, "key", "show")


def test_port_that_is_taken_is_named(cli, start, tmp_path_factory):
    _, started = start("--json", "serve", "--port", "0")
    other = CommandLine(tmp_path_factory.mktemp("other")).init()
    port = started["url"].rpartition(":")[2]
    assert f"cannot listen on 127.0.0.1:{port}" in other.run("serve", "--port", port).err


@pytest.mark.parametrize("given", [("--tls-cert", "a.pem"), ("--tls-key", "a.pem")])
def test_one_tls_file_without_the_other_is_refused(cli, given):
    assert "give both for HTTPS, or none" in cli.error("serve", *given)


def test_tls_file_that_is_not_there_is_named(cli):
    message = cli.error("serve", "--tls-cert", "nowhere.pem", "--tls-key", "nowhere.key")
    assert message == "TLS: nowhere.pem cannot be read: No such file or directory"


def test_tls_files_that_do_not_belong_together_are_refused(cli):
    certificate = cli.file(
        "chain.pem", trustme.CA().issue_cert("127.0.0.1").cert_chain_pems[0].bytes()
    )
    files = ("--tls-cert", certificate, "--tls-key", cli.private_file("own"))
    assert "are not a PEM certificate and its private key" in cli.error("serve", *files)


@pytest.mark.parametrize("command", [("serve",), ("agent", "run")])
def test_host_of_no_workspace_is_refused(tmp_path, command):
    line = CommandLine(tmp_path)
    assert "tieline init" in line.error(*command)
    assert not line.directory.exists()


def test_plain_http_that_others_can_reach_is_warned_about(tmp_path):
    assert "proxy with TLS" in exposure_warning(Listen(host="0.0.0.0", port=1))
    assert exposure_warning(Listen(host="127.0.0.1", port=1)) == ""
    assert exposure_warning(Listen(host="::1", port=1)) == ""
    files = Listen(host="0.0.0.0", port=1, certificate_file=tmp_path, key_file=tmp_path)
    assert exposure_warning(files) == ""
