"""One workspace of the demo: its commands, its running host, what it sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tieline.cli.client import object_of, path_to
from tieline.cli.follow import Follower, Watcher, has_ended
from tieline.cli.local_client import LocalClient
from tieline.cli.log_lines import render_line
from tieline.cli.printing import pretty, say
from tieline.config import EmbeddedSettings
from tieline.errors import TielineError
from tieline.protocol.states import Status
from tieline.protocol.values import JsonObject

START_SECONDS = 30.0
STOP_SECONDS = 30.0
LOOK_SECONDS = 0.05


class DemoError(TielineError):
    """The demo did not show what it promises."""


class DemoSide:
    """A workspace in a directory of its own, worked by the same commands a person types."""

    def __init__(self, name: str, top: Path) -> None:
        """Takes the directory in which both sides have theirs."""
        self.name = name
        self.directory = top / name
        self.public_key = top / f"{name}.pem"
        self.url = ""

    def tieline(self, *arguments: str) -> str:
        """Runs a command, prints it as a person would type it, and gives what it printed.

        Raises:
            DemoError: it failed.
        """
        say(f"$ tieline --data-dir {self.directory} {' '.join(arguments)}")
        done = subprocess.run(  # noqa: S603 - our own program, our own arguments
            self._command(*arguments), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise DemoError(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "tieline", "--data-dir", str(self.directory), *arguments]

    def save_public_key(self) -> None:
        """Writes the public key into the file that the other side is given."""
        found = json.loads(self.tieline("--json", "key", "show"))
        self.public_key.write_text(found["public_key"])

    def add_flow(self, name: str, script: str) -> None:
        """Adds a flow and prints its script."""
        path = self.directory.parent / f"{name}.py"
        path.write_text(script)
        self.tieline("flow", "add", name, str(path))
        for line in script.splitlines():
            say(f"    {line}")

    @contextmanager
    def running(self, *arguments: str) -> Iterator[None]:
        """Runs the host for as long as the block lasts; its log is beside the data directory."""
        say(f"$ tieline --data-dir {self.directory} {' '.join(arguments)} &")
        log = self.directory.parent / f"{self.name}.log"
        with log.open("w") as errors:
            host = subprocess.Popen(  # noqa: S603 - our own program, our own arguments
                self._command("--json", *arguments),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
            try:
                self._wait_until_up(host, log)
                yield
            finally:
                host.terminate()
                try:
                    host.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    host.kill()
                    host.wait()

    def _wait_until_up(self, host: subprocess.Popen[str], log: Path) -> None:
        assert host.stdout is not None
        alarm = threading.Timer(START_SECONDS, host.kill)
        alarm.start()
        try:
            text = ""
            for line in host.stdout:
                text += line
                if line.startswith("}"):
                    self.url = str(json.loads(text).get("url", ""))
                    return
        finally:
            alarm.cancel()
        raise DemoError(f"{self.name} did not start: {log.read_text().strip()}")

    def run_and_watch(
        self, flow: str, inputs: JsonObject, other: DemoSide, timeout_seconds: float
    ) -> None:
        """Runs a flow here and shows it, and its child over there, as this side sees them live.

        Raises:
            DemoError: it did not succeed here and there.
        """
        say(f"$ tieline --data-dir {self.directory} run {flow} --input '{json.dumps(inputs)}'")
        client = LocalClient(EmbeddedSettings(data_directory=self.directory))
        try:
            body: JsonObject = {"flow_name": flow, "input_value": inputs}
            parent = object_of(client.request("POST", path_to("execution"), body=body))
            child_id = _watch(client, str(parent["id"]), (self.name, other.name), timeout_seconds)
        finally:
            client.close()
        other.check_succeeded(child_id, f"{other.name} says of the same execution")

    def check_succeeded(self, execution_id: str, words: str) -> None:
        """Shows the status that this side has.

        Raises:
            DemoError: it is another one than success.
        """
        view = json.loads(self.tieline("--json", "execution", "show", execution_id))
        say(f"  {words}: {view['flow_name']} {view['status']}")
        if view["status"] != Status.ENDED_SUCCESS:
            raise DemoError(f"{execution_id} is {view['status']} in {self.name}")


def _watch(
    client: LocalClient, parent_id: str, names: tuple[str, str], timeout_seconds: float
) -> str:
    """Follows the execution and its first child to their ends; gives the child's id."""
    here, there = names
    followers = {parent_id: Follower(client, parent_id, _watcher(here, here))}
    children: list[str] = []
    pause = threading.Event()
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if not children:
            query = {"parent_id": parent_id}
            page = object_of(client.request("GET", path_to("execution"), query))
            items = page["items"]
            assert isinstance(items, list)
            children = [str(object_of(each)["id"]) for each in items]
            for child_id in children:
                followers[child_id] = Follower(client, child_id, _watcher(here, there))
        views = {key: each.look() for key, each in followers.items()}
        if children and all(view is not None and has_ended(view) for view in views.values()):
            parent = views[parent_id]
            assert parent is not None
            say(f"  output of {parent['flow_name']}: {pretty(parent['output_value'])}")
            if parent["status"] != Status.ENDED_SUCCESS:
                raise DemoError(f"{parent['flow_name']} {parent['status']}: {parent['message']}")
            return children[0]
        pause.wait(LOOK_SECONDS)
    raise DemoError(f"nothing ended within {timeout_seconds:g} seconds")


def _watcher(seen_in: str, runs_in: str) -> Watcher:
    place = f"  [{seen_in}]" if seen_in == runs_in else f"  [{seen_in}, of {runs_in}]"

    def write_lines(lines: list[JsonObject]) -> None:
        for line in lines:
            say(f"{place}   log: {render_line(line)}")

    return Watcher(
        on_status=lambda view: say(f"{place} {view['flow_name']} {view['status']}"),
        on_lines=write_lines,
        on_trouble=lambda text: say(f"{place} {text}"),
    )
