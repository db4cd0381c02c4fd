"""Runs flows in threads of this process, one thread and one flow process per running flow."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from tieline.embedded.changes import ThreadChanges
from tieline.errors import TielineError, TransientError
from tieline.operations.end_execution import Ending, end_execution
from tieline.operations.run_flow import (
    STORE_RETRY_SECONDS,
    Control,
    run_flow,
    stop_process,
)
from tieline.operations.workspace import Workspace
from tieline.ports import Processes
from tieline.protocol.states import Status, StatusCode

logger = logging.getLogger(__name__)

SPARE_THREAD_SECONDS = 10.0
"""A thread without work is kept that long: waking one takes less than starting one."""


class _Desk:
    """Where a spare thread waits for its next execution."""

    def __init__(self) -> None:
        self.handed = threading.Event()
        self.execution_id: str | None = None

    def hand(self, execution_id: str) -> None:
        """Gives the thread that waits here something to run."""
        self.execution_id = execution_id
        self.handed.set()


class ThreadRunner:
    """The `Runner` port of the embedded host. Thread-safe.

    At most `max_active` flows are busy at a time; the others wait in the order of their starts.
    A flow that waits for something does not count, so parents never keep their children waiting.
    """

    def __init__(self, processes: Processes, changes: ThreadChanges, max_active: int) -> None:
        self._processes = processes
        self._changes = changes
        self._max_active = max_active
        self._wake = threading.Condition()
        self._waiting: deque[str] = deque()
        self._running: dict[str, Control] = {}
        self._active = 0
        self._spare: list[_Desk] = []
        self._workspace: Workspace | None = None
        self._is_stopping = False

    def open(self, workspace: Workspace) -> None:
        """Lets the runs begin that were asked for; the workspace is known only now."""
        with self._wake:
            self._workspace = workspace
            self._fill()

    def start(self, execution_id: str) -> None:
        """Sees that the execution is run; harmless when it runs already."""
        with self._wake:
            if self._is_stopping or execution_id in self._running:
                return
            self._running[execution_id] = Control(idle=self._idle)
            self._waiting.append(execution_id)
            self._fill()

    def cancel(self, execution_id: str) -> None:
        """Asks the flow process to end, and ends it when it does not within its grace."""
        with self._wake:
            control = self._running.get(execution_id)
            if control is None or control.is_cancelled:
                return
            control.is_cancelled = True
        if control.process is not None:
            stop_process(control.process, self._changes)
        self._changes.notify(execution_id)

    def stop(self, timeout_seconds: float) -> None:
        """Ends all runs; each is recorded as ended before this returns, or at the timeout."""
        with self._wake:
            self._is_stopping = True
            while self._waiting:
                del self._running[self._waiting.pop()]
            running = list(self._running.items())
        for execution_id, control in running:
            control.is_stopped = True
            if control.process is not None:
                stop_process(control.process, self._changes)
            self._changes.notify(execution_id)
        with self._wake:
            self._wake.wait_for(lambda: not self._running, timeout_seconds)

    @property
    def running_count(self) -> int:
        """Gives how many executions run or wait for their turn."""
        with self._wake:
            return len(self._running)

    @contextmanager
    def _idle(self) -> Iterator[None]:
        """Lets another flow be busy while this one waits."""
        with self._wake:
            self._active -= 1
            self._fill()
        try:
            yield
        finally:
            # Not a wait for a free place: what was begun goes on at once.
            with self._wake:
                self._active += 1

    def _fill(self) -> None:
        """Hands what waits to threads, as far as there are places."""
        if self._workspace is None:
            return
        while self._waiting and self._active < self._max_active:
            execution_id = self._waiting.popleft()
            self._active += 1
            if self._spare:
                self._spare.pop().hand(execution_id)
            else:
                threading.Thread(
                    target=self._serve, args=(execution_id,), name="flow", daemon=True
                ).start()

    def _serve(self, execution_id: str | None) -> None:
        """Runs one execution after the other; ends when none came for a while."""
        while execution_id is not None:
            self._run(execution_id, self._running[execution_id])
            with self._wake:
                del self._running[execution_id]
                self._active -= 1
                if self._is_stopping:
                    self._wake.notify_all()
                if self._waiting and self._active < self._max_active:
                    execution_id = self._waiting.popleft()
                    self._active += 1
                    continue
                desk = _Desk()
                self._spare.append(desk)
            execution_id = self._wait_at(desk)

    def _wait_at(self, desk: _Desk) -> str | None:
        """Gives the execution handed to this thread, None when none was for a while."""
        if not desk.handed.wait(SPARE_THREAD_SECONDS):
            with self._wake:
                if desk in self._spare:
                    self._spare.remove(desk)
                    return None
        return desk.execution_id

    def _run(self, execution_id: str, control: Control) -> None:
        assert self._workspace is not None
        try:
            run_flow(self._workspace, execution_id, self._processes, self._changes, control)
        except TransientError as error:
            # Only a claim gives up on the store: nothing was started, so it is tried again.
            logger.warning(
                "start put off",
                extra={
                    "action": "start_put_off",
                    "execution_id": execution_id,
                    "detail": str(error),
                },
            )
            self._changes.call_later(STORE_RETRY_SECONDS, lambda: self.start(execution_id))
        except Exception as error:
            logger.exception(
                "run failed", extra={"action": "run_failed", "execution_id": execution_id}
            )
            self._give_up(execution_id, error)

    def _give_up(self, execution_id: str, error: Exception) -> None:
        """Ends an execution whose runner failed, so that nobody waits for it for ever."""
        assert self._workspace is not None
        message = f"its runner failed: {type(error).__name__}"
        try:
            end_execution(
                self._workspace,
                execution_id,
                Ending(Status.ENDED_ERROR, message, StatusCode.CRASHED),
            )
        except TielineError:
            logger.exception(
                "end not stored", extra={"action": "run_failed", "execution_id": execution_id}
            )
