"""Flow processes for a workspace: one zygote, started when first needed, and its forks."""

from __future__ import annotations

import itertools
import shutil
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from tieline.errors import RunnerError
from tieline.runner.flow_process import Exit, FlowGoneError, FlowProcess
from tieline.runner.zygote_process import DIRECTORY_PREFIX, ZygoteProcess

__all__ = ["Exit", "FlowGoneError", "FlowProcess", "FlowProcesses"]


class FlowProcesses:
    """Gives flow processes; safe for any number of threads.

    Args:
        work_directory: exists; flows get directories in it, which go when they end. Used by one
            workspace at a time.
        hold_fds: descriptors that the zygote keeps open until the last flow is gone, even when
            the workspace is killed: a lock on one of them tells the next workspace when it may
            begin. Flows do not get them.
        spares: flow processes forked ahead of need, each waiting for its start frame.
    """

    def __init__(
        self, work_directory: Path, *, hold_fds: Sequence[int] = (), spares: int = 1
    ) -> None:
        self._work_directory = work_directory
        self._hold_fds = tuple(hold_fds)
        self._spare_count = spares
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._spares: deque[FlowProcess] = deque()
        self._zygote: ZygoteProcess | None = None
        self._is_closed = False

    @property
    def zygote_pid(self) -> int | None:
        """Gives the zygote's process id; None before it is first needed."""
        return None if self._zygote is None else self._zygote.pid

    def open(self) -> None:
        """Removes what a workspace that was killed left behind, and starts the zygote.

        Raises:
            RunnerError: it could not be started.
        """
        for left in self._work_directory.glob(f"{DIRECTORY_PREFIX}*"):
            if self._zygote is None:
                shutil.rmtree(left, ignore_errors=True)
        with self._lock:
            zygote = self._living_zygote()
        zygote.wait_ready()

    def spawn(self) -> FlowProcess:
        """Gives a flow process that waits for its start frame; does not wait for its fork.

        Raises:
            RunnerError: no zygote can be started.
        """
        with self._lock:
            zygote = self._living_zygote()
            flow = self._take_spare()
            if flow is None:
                flow = zygote.spawn(next(self._ids))
            while len(self._spares) < self._spare_count:
                self._spares.append(zygote.spawn(next(self._ids)))
            return flow

    def close(self) -> None:
        """Ends every flow and the zygote, and waits until they are gone."""
        with self._lock:
            self._is_closed = True
            zygote, self._zygote = self._zygote, None
            spares, self._spares = list(self._spares), deque()
        if zygote is not None:
            zygote.close()
        for spare in spares:
            spare.close()

    def _living_zygote(self) -> ZygoteProcess:
        if self._is_closed:
            raise RunnerError("flow processes were closed")
        if self._zygote is not None and self._zygote.is_lost:
            self._zygote.close()
            self._zygote = None
        if self._zygote is None:
            self._zygote = ZygoteProcess(self._work_directory, self._hold_fds)
        return self._zygote

    def _take_spare(self) -> FlowProcess | None:
        while self._spares:
            spare = self._spares.popleft()
            if not spare.is_gone:
                return spare
            spare.close()
        return None
