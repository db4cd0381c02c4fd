"""One host as a process of its own, started by the installed command line."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from system.waiting import eventually

COMMAND = Path(sysconfig.get_path("scripts")) / "tieline"
STOP_SECONDS = 15.0


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `tieline` to its end."""
    return subprocess.run(
        [COMMAND, *arguments],
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


class HostProcess:
    """`tieline serve` or `tieline agent run`, from its start until all of it is gone."""

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        self.log = log
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                [COMMAND, "--json", *arguments],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        self.pid = self._process.pid
        self.started: dict[str, Any] = self._read_document()

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def family(self) -> list[psutil.Process]:
        """The host's process, its zygote and every flow process."""
        host = psutil.Process(self.pid)
        return [host, *host.children(recursive=True)]

    def kill(self) -> None:
        """SIGKILL, and nothing else; returns when its flow processes are gone too."""
        family = self.family()
        self._process.kill()
        self._process.wait()
        self._close()
        eventually(lambda: not any(is_alive(each.pid) for each in family))

    def terminate(self) -> int:
        """SIGTERM; gives the exit code."""
        self._process.terminate()
        return self.wait()

    def wait(self) -> int:
        code = self._process.wait(STOP_SECONDS)
        self._close()
        return code

    def _close(self) -> None:
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read_document(self) -> dict[str, Any]:
        """Reads the one JSON document that a host prints when it is up."""
        assert self._process.stdout is not None
        text = ""
        for line in self._process.stdout:
            text += line.decode()
            with suppress(ValueError):
                document: dict[str, Any] = json.loads(text)
                return document
        self.wait()
        raise AssertionError(f"the host ended at its start: {self.log.read_text()[-2000:]}")


def is_alive(pid: int) -> bool:
    """Tells whether the process runs; one that only waits to be reaped does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _environment() -> dict[str, str]:
    """The environment without settings of whoever runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TIELINE_")}
