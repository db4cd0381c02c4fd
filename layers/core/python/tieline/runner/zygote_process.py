"""The workspace's end of one zygote: starts it, talks to it, notices its end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tieline.errors import RunnerError
from tieline.runner.directories import flow_groups
from tieline.runner.flow_process import Exit, FlowProcess

CONTROL_BYTES = 4096

ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ")
"""What of the workspace's environment flows may see; secrets come in the rest of it."""

HANG_UP_SECONDS = 5.0
"""Longest wait for the kernel to end a flow whose zygote died; it takes microseconds."""

CLOSE_SECONDS = 30.0
"""Longest wait for a zygote to end all flows before it is killed itself."""

DIRECTORY_PREFIX = "flows-"

_START = (
    "import json,sys;sys.path[:]=json.loads(sys.argv[1]);"
    "from tieline.runner.zygote import main;main(int(sys.argv[2]),sys.argv[3])"
)


class ZygoteProcess:
    """One zygote and the flows it forked; all are gone when `is_lost`."""

    def __init__(self, work_directory: Path, hold_fds: Sequence[int]) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix=DIRECTORY_PREFIX, dir=work_directory))
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = _start(theirs.fileno(), self._directory, hold_fds)
        self._lock = threading.Lock()
        self._flows: dict[int, FlowProcess] = {}
        self._is_ready = threading.Event()
        self._is_lost = threading.Event()
        self._reader = threading.Thread(target=self._listen, name="zygote", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Gives the zygote's process id."""
        return self._process.pid

    @property
    def is_lost(self) -> bool:
        """Tells whether the zygote, and with it every flow, is gone."""
        return self._is_lost.is_set()

    def wait_ready(self) -> None:
        """Waits until the zygote can fork.

        Raises:
            RunnerError: it ended instead; its standard error says why.
        """
        self._is_ready.wait()
        if self.is_lost:
            raise RunnerError("the zygote ended before it was ready; see its standard error")

    def spawn(self, flow_id: int) -> FlowProcess:
        """Asks for one flow process and gives our end of it at once.

        Raises:
            RunnerError: the zygote is gone.
        """
        ours, theirs = socket.socketpair()
        flow = FlowProcess(flow_id, ours, self.send_signal)
        with theirs, self._lock:
            if not self.is_lost:
                self._flows[flow_id] = flow
                if self._send({"spawn": flow_id}, theirs.fileno()):
                    return flow
                del self._flows[flow_id]
        ours.close()
        raise RunnerError("the zygote is gone")

    def send_signal(self, flow_id: int, number: int) -> None:
        """Signals a flow's process group; harmless when it is gone."""
        self._send({"signal": flow_id, "number": number})

    def close(self) -> None:
        """Ends every flow and the zygote, and waits for that."""
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join()
        self._control.close()

    def _send(self, message: dict[str, int], *fds: int) -> bool:
        try:
            socket.send_fds(self._control, [json.dumps(message).encode()], fds)
        except OSError:
            return False
        return True

    def _listen(self) -> None:
        while message := self._receive():
            report = json.loads(message)
            if "exit" in report:
                with self._lock:
                    flow = self._flows.pop(report["exit"], None)
                if flow is not None:
                    flow.mark_gone(Exit(report["status"], report["signal"]))
            else:
                self._is_ready.set()
        self._lose()

    def _receive(self) -> bytes:
        try:
            return self._control.recv(CONTROL_BYTES)
        except OSError:
            return b""

    def _lose(self) -> None:
        """Takes note that the zygote died; the kernel has killed its children with it."""
        self._process.wait()
        with self._lock:
            self._is_lost.set()
            flows, self._flows = list(self._flows.values()), {}
        self._kill_groups({flow.id for flow in flows})
        for flow in flows:
            flow.wait_hung_up(HANG_UP_SECONDS)
            flow.mark_gone(Exit())
        shutil.rmtree(self._directory, ignore_errors=True)
        self._is_ready.set()

    def _kill_groups(self, flow_ids: set[int]) -> None:
        """Kills what the flows had started; the kernel killed their own processes only."""
        for flow_id, group in flow_groups(self._directory):
            if flow_id in flow_ids:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, signal.SIGKILL)


def _start(control: int, directory: Path, hold_fds: Sequence[int]) -> subprocess.Popen[bytes]:
    paths = json.dumps([path for path in sys.path if os.path.isabs(path)])
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", _START]
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and our own program
            [*command, paths, str(control), str(directory)],
            env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(control, *hold_fds),
            cwd=directory,
            start_new_session=True,
        )
    except OSError as error:
        raise RunnerError(f"the zygote could not be started: {error}") from error
