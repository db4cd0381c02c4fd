"""A whole workspace in one process: runner, link loops and, when asked, a web server."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tieline.bootstrap import (
    LOCK,
    WAKE,
    WORK,
    Adapters,
    make_private,
    open_adapters,
    open_processes,
    open_workspace,
)
from tieline.config import EmbeddedSettings
from tieline.embedded.changes import ThreadChanges
from tieline.embedded.flow_runner import ThreadRunner
from tieline.embedded.link_loops import LinkLoops
from tieline.embedded.link_sessions import LinkSessions
from tieline.embedded.wake_pipe import WakePipe
from tieline.errors import SettingsError
from tieline.operations.end_execution import recover_executions
from tieline.operations.records import EXECUTION, execution_of
from tieline.operations.workspace import Workspace, give_hints

if TYPE_CHECKING:
    from tieline.embedded.sync_endpoint import SyncEndpoint

logger = logging.getLogger(__name__)

THREADS = 16
"""For posts and REST requests; each is short, none waits for a flow."""
STOP_SECONDS = 15.0


class EmbeddedHints:
    """The `Hints` port inside the host's process."""

    def __init__(self, changes: ThreadChanges) -> None:
        self._changes = changes
        self.loops: LinkLoops | None = None
        self.endpoint: SyncEndpoint | None = None

    def link_changed(self, link_id: str, *, is_urgent: bool = True) -> None:
        """Lets a dialling link push, and a held reply go."""
        if self.loops is not None:
            self.loops.changed(link_id, is_urgent=is_urgent)
        if self.endpoint is not None:
            self.endpoint.news(link_id, is_urgent=is_urgent)

    def config_changed(self, link_id: str) -> None:
        """Starts, restarts or ends the link's loop."""
        del link_id
        if self.loops is not None:
            self.loops.reconcile()

    def execution_changed(self, execution_id: str) -> None:
        """Wakes flows that wait for it."""
        self._changes.notify(execution_id)


class EmbeddedHost:
    """One workspace, running from `start` to `stop`."""

    def __init__(self, settings: EmbeddedSettings) -> None:
        """Opens the workspace.

        Raises:
            SettingsError: there is none, or another process runs it.
        """
        directory = settings.directory
        make_private(directory)
        self._lock_fd = lock_directory(directory)
        self._adapters: Adapters = open_adapters(settings)
        self.changes = ThreadChanges()
        self._hints = EmbeddedHints(self.changes)
        self._processes = open_processes(directory / WORK, hold_fds=(self._lock_fd,))
        self._runner = ThreadRunner(self._processes, self.changes, settings.max_active_flows)
        self.workspace: Workspace = open_workspace(self._adapters, self._runner, self._hints)
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="work")
        self._sessions = LinkSessions()
        self._loops = LinkLoops(self.workspace, self._sessions, self._start_waiting)
        self._wake = WakePipe(directory / WAKE, self.look_again)
        self._unmet: dict[str, list[str]] = {}
        self._unmet_lock = threading.Lock()

    @cached_property
    def endpoint(self) -> SyncEndpoint:
        """Gives where peers' posts are answered; an agent never asks, and saves its memory."""
        from tieline.embedded.sync_endpoint import SyncEndpoint  # noqa: PLC0415

        endpoint = SyncEndpoint(
            self.workspace,
            self.threads,
            self._sessions,
            self._loops.find_id,
            self._start_waiting,
        )
        self._hints.endpoint = endpoint
        return endpoint

    def start(self) -> None:
        """Ends what a crash left running, then runs what waits."""
        self._processes.open()
        waiting = recover_executions(self.workspace)
        for execution in waiting:
            if execution.link_id is not None and execution.sends_run:
                self._unmet.setdefault(execution.link_id, []).append(execution.id)
            else:
                self._runner.start(execution.id)
        self._runner.open(self.workspace)
        self._hints.loops = self._loops
        self._loops.reconcile()
        self._wake.start()
        logger.info(
            "workspace started",
            extra={"action": "workspace_started", "workspace": self.workspace.name},
        )

    def stop(self) -> None:
        """Ends flows and posts; what they did is recorded first. Harmless before `start`."""
        self._wake.stop()
        self._runner.stop(STOP_SECONDS)
        self._loops.stop(STOP_SECONDS)
        self._processes.close()
        self.threads.shutdown(wait=True)
        self.changes.close()
        self._adapters.close()
        os.close(self._lock_fd)
        logger.info("workspace stopped", extra={"action": "workspace_stopped"})

    def _start_waiting(self, link_id: str) -> None:
        """Starts what waited for the first exchange with its peer (docs/protocol.md §3 rule 6)."""
        with self._unmet_lock:
            ids = self._unmet.pop(link_id, [])
        for execution_id in ids:
            self._runner.start(execution_id)

    def look_again(self) -> None:
        """Finds what another process, such as the command line, changed in the store."""
        self._loops.reconcile()
        with self._unmet_lock:
            unmet = {each for ids in self._unmet.values() for each in ids}
        for row in self.workspace.store.due(self.workspace.clock.now(), limit=1000):
            if row.kind == EXECUTION and row.id not in unmet:
                give_hints(self.workspace, execution_of(row).execution)
        self._loops.changed_all()
        if self._hints.endpoint is not None:
            self._hints.endpoint.news_everywhere()
        self.changes.notify_all()


def lock_directory(directory: Path) -> int:
    """Takes the directory for this process; gives the descriptor that holds the lock.

    The zygote holds it too, so a former process's flows are gone once the lock is free.

    Raises:
        SettingsError: another process has it.
    """
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise SettingsError(
            f"another process runs the workspace in {directory}, or its flows are just ending"
        ) from error
    return descriptor
