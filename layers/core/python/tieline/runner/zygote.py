"""The zygote: a warm interpreter that forks flow processes and buries them.

It has one thread, no secret, no store; its whole world is the control socket:

| from | message | meaning |
| --- | --- | --- |
| workspace | `{"spawn": id}` + a descriptor | fork a flow process that talks over it |
| workspace | `{"signal": id, "number": n}` | signal the flow's process group |
| zygote | `{"is_ready": true}` | imports are done |
| zygote | `{"exit": id, "status": n?, "signal": n?}` | the flow and all it started is gone |

When the control socket ends, the workspace is gone: every flow is killed, waited for, and only
then do the descriptors close that the zygote holds for the workspace (its lock).
"""

from __future__ import annotations

import gc
import json
import os
import select
import shutil
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from tieline.runner.child import BLOCKED_SIGNALS, answer_signals, run_child
from tieline.runner.directories import flow_directory
from tieline.runner.linux import adopt_orphans, children_of_this, die_with_parent

CONTROL_BYTES = 4096
"""Largest control message; they are all far smaller."""

FLOW_FD = 3
"""The descriptor of the pipe in every flow process."""

WARM_MODULES = (
    "base64",
    "collections",
    "csv",
    "datetime",
    "decimal",
    "functools",
    "hashlib",
    "hmac",
    "itertools",
    "json",
    "math",
    "re",
    "string",
    "textwrap",
    "time",
    "traceback",
    "urllib.parse",
    "uuid",
)
"""What scripts import most; imported once here instead of in every flow.

Not `random`, `threading` or `logging`: they run code in every forked process.
"""


@dataclass(slots=True)
class Ended:
    """A flow whose own process ended; it is gone when no process of `strays` is left."""

    report: dict[str, int | None]
    directory: Path
    strays: set[int] = field(default_factory=set)


class Zygote:
    """Forks on request, reaps, and reports; see the module's docstring."""

    def __init__(self, control: socket.socket, directory: Path) -> None:
        self._control = control
        self._directory = directory
        self._pid = os.getpid()
        self._pids: dict[int, int] = {}
        self._ids: dict[int, int] = {}
        self._ended: dict[int, Ended] = {}
        self._strays: set[int] = set()
        self._cleaners: set[int] = set()

    def run(self, wakeup: int) -> None:
        """Serves until the workspace hangs up, then ends every flow."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(wakeup, select.POLLIN)
        is_served = self._send({"is_ready": True})
        while is_served:
            for fd, _event in poll.poll():
                if fd == wakeup:
                    os.read(wakeup, CONTROL_BYTES)
                    is_served = self._bury() and is_served
                else:
                    is_served = self._serve_one() and is_served
        self._end_all()

    def _serve_one(self) -> bool:
        try:
            message, fds, _flags, _address = socket.recv_fds(self._control, CONTROL_BYTES, 1)
        except ConnectionResetError:
            return False  # the workspace was killed with something unread
        if not message:
            return False
        request = json.loads(message)
        if "spawn" in request:
            self._spawn(request["spawn"], fds[0])
        else:
            self._signal(request["signal"], request["number"])
        return True

    def _spawn(self, flow_id: int, connection: int) -> None:
        try:
            pid = os.fork()
        except OSError:
            os.close(connection)
            self._send({"exit": flow_id, "status": None, "signal": None})
            return
        if pid == 0:
            _become_flow(
                self._pid, connection, flow_directory(self._directory, flow_id, os.getpid())
            )
        os.close(connection)
        self._pids[flow_id] = pid
        self._ids[pid] = flow_id

    def _signal(self, flow_id: int, number: int) -> None:
        pid = self._pids.get(flow_id)
        if pid is None:
            return
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            # Forked a moment ago, it leads no group yet, and has started nothing.
            os.kill(pid, number)

    def _bury(self) -> bool:
        while (pid := _next_zombie()) is not None:
            flow_id = self._ids.get(pid)
            if flow_id is not None:
                # Before it is reaped, so that its number cannot be somebody else's.
                _kill_group(pid)
            status = os.waitpid(pid, 0)[1]
            self._strays.discard(pid)
            self._cleaners.discard(pid)
            for each in self._ended.values():
                each.strays.discard(pid)
            if flow_id is not None:
                del self._ids[pid], self._pids[flow_id]
                directory = flow_directory(self._directory, flow_id, pid)
                self._ended[flow_id] = Ended(_exit_report(flow_id, status), directory)
        return self._report_gone()

    def _report_gone(self) -> bool:
        """Kills what ended flows left behind; reports those that left nothing (more).

        An unknown child can only come from a flow that ended: living ones keep their orphans.
        """
        if not self._ended:
            return True
        strays = children_of_this() - self._ids.keys() - self._cleaners
        for pid in strays:
            os.kill(pid, signal.SIGKILL)
        fresh, self._strays = strays - self._strays, strays
        is_served = True
        for flow_id, ended in list(self._ended.items()):
            ended.strays |= fresh
            if not ended.strays:
                del self._ended[flow_id]
                self._clean(ended.directory)
                is_served = self._send(ended.report) and is_served
        return is_served

    def _clean(self, directory: Path) -> None:
        try:
            directory.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            pid = os.fork()
            if pid == 0:
                die_with_parent(self._pid)
                shutil.rmtree(directory, ignore_errors=True)
                os._exit(0)
            self._cleaners.add(pid)

    def _send(self, message: dict[str, int | None] | dict[str, bool]) -> bool:
        try:
            self._control.send(json.dumps(message).encode())
        except OSError:
            return False
        return True

    def _end_all(self) -> None:
        for pid in self._ids:
            _kill_group(pid)
        while True:
            for pid in children_of_this() | self._ids.keys():
                os.kill(pid, signal.SIGKILL)
            try:
                pid = os.wait()[0]
            except ChildProcessError:
                break
            self._ids.pop(pid, None)
        shutil.rmtree(self._directory, ignore_errors=True)


def main(control_fd: int, directory: str) -> NoReturn:
    """Runs the zygote in a fresh interpreter; `directory` is its own, for flows to work in."""
    for name in WARM_MODULES:
        __import__(name)
    os.umask(0o077)
    adopt_orphans()
    wakeup = _watch_children()
    answer_signals()
    control = socket.socket(fileno=control_fd)
    gc.collect()
    gc.freeze()
    Zygote(control, Path(directory)).run(wakeup)
    sys.exit(0)


def _watch_children() -> int:
    """Gives a descriptor that is readable when a child ended; survives what ends others."""
    readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    # Blocked rather than ignored: a flow process inherits it and unblocks it when it can
    # answer, so a cancel that comes at once is not lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED_SIGNALS)
    return readable


def _become_flow(zygote_pid: int, connection: int, directory: Path) -> NoReturn:
    """Turns a fresh fork into a flow process; never returns into the zygote's loop."""
    status = 1
    try:
        os.setsid()
        die_with_parent(zygote_pid)
        adopt_orphans()
        signal.set_wakeup_fd(-1)
        os.dup2(connection, FLOW_FD, inheritable=False)
        os.closerange(FLOW_FD + 1, os.sysconf("SC_OPEN_MAX"))
        # Descriptor 0 is the null device; what a script prints goes another way.
        os.dup2(0, 1)
        os.dup2(0, 2)
        directory.mkdir()
        os.chdir(directory)
        run_child(socket.socket(fileno=FLOW_FD))
    finally:
        os._exit(status)


def _next_zombie() -> int | None:
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return None if found is None else found.si_pid


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _exit_report(flow_id: int, status: int) -> dict[str, int | None]:
    code = os.waitstatus_to_exitcode(status)
    return {
        "exit": flow_id,
        "status": code if code >= 0 else None,
        "signal": -code if code < 0 else None,
    }
