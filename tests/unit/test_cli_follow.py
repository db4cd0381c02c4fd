"""Following an execution: what is told, how long it waits, what Ctrl-C does."""

import json
import signal
import subprocess
import sys

import pytest
import typer

from tieline.cli.client import ProblemError
from tieline.cli.follow import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    UNREACHABLE_SECONDS,
    Follower,
    Watcher,
)
from tieline.cli.interrupts import Interrupts
from tieline.cli.run import RunOptions, run
from tieline.cli.session import Session
from tieline.errors import PeerUnavailableError


class ScriptedClient:
    """The `Client` of a workspace whose execution goes through the given views."""

    def __init__(self, *views, log=""):
        self.views = list(views)
        self.log = log
        self.posts = []
        self.trouble = None
        self.now = 1000.0

    def request(self, method, path, query=None, body=None):
        if method == "POST":
            self.posts.append(path)
            return {"id": "e", "status": "PENDING"}
        if self.trouble is not None:
            raise self.trouble
        if path.endswith("/log"):
            start = query["from"]
            # Short pieces, so that lines are cut anywhere.
            return {"data": self.log[start : start + 7]}
        view = self.views.pop(0) if len(self.views) > 1 else self.views[0]
        return view() if callable(view) else view

    def wake(self):
        return True

    def close(self):
        pass


def view(status, log_length=0, **fields):
    return {
        "id": "e",
        "status": status,
        "status_code": None,
        "note": None,
        "message": None,
        "output_value": None,
        "log_length": log_length,
        **fields,
    }


@pytest.fixture
def told():
    return []


def follower(client, told):
    return Follower(
        client,
        "e",
        Watcher(
            on_status=lambda seen: told.append((seen["status"], seen["note"])),
            on_lines=lambda lines: told.extend(line["message"] for line in lines),
            on_trouble=told.append,
        ),
        clock=lambda: client.now,
    )


def lines(*messages):
    return "".join(json.dumps({"message": each}) + "\n" for each in messages)


def test_status_is_told_when_it_or_its_note_changes(told):
    client = ScriptedClient(
        view("PENDING"), view("PENDING"), view("PENDING", note="link unreachable"), view("RUNNING")
    )
    following = follower(client, told)
    for _ in range(4):
        following.look()
    assert told == [("PENDING", None), ("PENDING", "link unreachable"), ("RUNNING", None)]


def test_log_is_told_whole_before_the_end(told):
    log = lines("a", "b", "c")
    client = ScriptedClient(view("ENDED_SUCCESS", len(log)), log=log)
    follower(client, told).look()
    assert told == ["a", "b", "c", ("ENDED_SUCCESS", None)]


def test_line_is_told_once_it_is_whole(told):
    log = lines("a", "b")
    client = ScriptedClient(view("RUNNING", 20), view("RUNNING", len(log)), log=log)
    following = follower(client, told)
    following.look()
    assert told == [("RUNNING", None), "a"]
    following.look()
    assert told == [("RUNNING", None), "a", "b"]


def test_pause_grows_while_nothing_changes_and_shrinks_with_news(told):
    client = ScriptedClient(*[view("RUNNING")] * 20, view("WAITING"))
    following = follower(client, told)
    following.look()
    assert following.pause_seconds == FIRST_PAUSE_SECONDS
    pauses = []
    for _ in range(19):
        following.look()
        pauses.append(following.pause_seconds)
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    following.look()
    assert following.pause_seconds == FIRST_PAUSE_SECONDS


def test_line_of_the_log_is_news_as_well(told):
    log = lines("a")
    client = ScriptedClient(*[view("RUNNING")] * 5, view("RUNNING", len(log)), log=log)
    following = follower(client, told)
    for _ in range(6):
        following.look()
    assert following.pause_seconds == FIRST_PAUSE_SECONDS


NOBODY = PeerUnavailableError("connection", "nobody there")
BUSY = ProblemError({"status": 503, "detail": "busy"})
GONE = ProblemError({"status": 404, "detail": "gone"})


@pytest.mark.parametrize(("trouble", "words"), [(NOBODY, "nobody there"), (BUSY, "busy")])
def test_workspace_out_of_reach_is_borne_for_a_while_and_told_once(told, trouble, words):
    client = ScriptedClient(view("RUNNING"))
    following = follower(client, told)
    client.trouble = trouble
    for _ in range(6):
        assert following.look() is None
        client.now += UNREACHABLE_SECONDS / 6
    assert told == [f"{words}; trying on"]
    with pytest.raises(type(trouble)):
        following.look()


def test_workspace_back_in_reach_starts_the_patience_anew(told):
    client = ScriptedClient(view("RUNNING"))
    following = follower(client, told)
    for _ in range(3):
        client.trouble = NOBODY
        following.look()
        client.now += UNREACHABLE_SECONDS - 1
        client.trouble = None
        following.look()
    assert told.count("nobody there; trying on") == 3


def test_refusal_is_no_trouble_that_passes(told):
    client = ScriptedClient(view("RUNNING"))
    client.trouble = GONE
    with pytest.raises(ProblemError):
        follower(client, told).look()


def session_of(client):
    session = Session(environment={}, is_json=False)
    session.__dict__["client"] = client
    return session


def interrupting(status):
    """A view during whose reading Ctrl-C is pressed."""

    def read():
        signal.raise_signal(signal.SIGINT)
        return view(status)

    return read


def test_first_interrupt_cancels_and_waits_for_the_end(capsys):
    client = ScriptedClient(
        view("RUNNING"), interrupting("RUNNING"), view("RUNNING"), view("ENDED_CANCELLED")
    )
    with pytest.raises(typer.Exit) as caught:
        run(session_of(client), "f", RunOptions())
    assert caught.value.exit_code == 1
    assert client.posts == ["/execution", "/execution/e/cancel"]
    assert "asked to cancel" in capsys.readouterr().err


def test_second_interrupt_leaves():
    client = ScriptedClient(view("RUNNING"), interrupting("RUNNING"), interrupting("RUNNING"))
    with pytest.raises(KeyboardInterrupt):
        run(session_of(client), "f", RunOptions())
    assert client.posts == ["/execution", "/execution/e/cancel"]


def test_interrupt_ends_a_wait_at_once():
    with Interrupts() as interrupts:
        signal.raise_signal(signal.SIGINT)
        interrupts.wait(3600)
        assert interrupts.take()
        assert not interrupts.take()


def test_handler_of_before_is_back_afterwards():
    before = signal.getsignal(signal.SIGINT)
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_second_signal_ends_a_host_at_once():
    code = (
        "from tieline.cli.hosting import stop_on_signals\n"
        "import signal\n"
        "stop_on_signals(lambda: print('stopping', flush=True))\n"
        "print('ready', flush=True)\n"
        "while True: signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGTERM)
            assert process.stdout.readline() == "stopping\n"
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 128 + signal.SIGTERM
        finally:
            process.kill()
