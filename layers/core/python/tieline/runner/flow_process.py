"""The workspace's end of one flow process."""

from __future__ import annotations

import select
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tieline.errors import RunnerError
from tieline.flows.frames import MAX_FRAME_BYTES, Frame, FrameError, FrameReader, encode_frame

READ_BYTES = 64 * 1024


class FlowGoneError(RunnerError):
    """The flow process hung up; what it sent before can still be received."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a flow process ended: by its status or by a signal; by neither when nobody saw it."""

    status: int | None = None
    signal: int | None = None

    def __str__(self) -> str:
        if self.signal is not None:
            return f"was ended by {signal.Signals(self.signal).name}"
        if self.status is not None:
            return f"ended with status {self.status}"
        return "ended unseen"


class FlowProcess:
    """One flow process, from before its fork until nothing of it is left.

    One thread receives; sending, signalling and waiting is for any. `is_gone` and `wait` speak of
    the flow's process and of everything it started.
    """

    def __init__(
        self,
        flow_id: int,
        connection: socket.socket,
        send_signal: Callable[[int, int], None],
        max_frame_bytes: int = MAX_FRAME_BYTES,
    ) -> None:
        self.id = flow_id
        self._connection = connection
        self._send_signal = send_signal
        self._max_frame_bytes = max_frame_bytes
        self._reader = FrameReader(max_frame_bytes)
        self._sending = threading.Lock()
        self._gone = threading.Event()
        self._exit = Exit()
        self._ready: Frame | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def is_gone(self) -> bool:
        """Tells whether no process of the flow is left."""
        return self._gone.is_set()

    def fileno(self) -> int:
        """Gives the descriptor to wait on for frames; -1 once it is closed."""
        return self._connection.fileno()

    def send(self, frame: Mapping[str, object]) -> None:
        """Sends a frame; waits while the flow is slow to read.

        Raises:
            FrameError: the frame is too large.
            FlowGoneError: the flow hung up.
        """
        data = encode_frame(frame, self._max_frame_bytes)
        with self._sending:
            try:
                self._connection.sendall(data)
            except OSError as error:
                raise FlowGoneError("the flow process hung up") from error

    def receive(self) -> Frame | None:
        """Waits for the next frame; None when the flow hung up.

        Raises:
            FrameError: the flow sent something that is not a frame, or too large; kill it.
        """
        ready, self._ready = self._ready, None
        if ready is not None:
            return ready
        while True:
            frame = self._reader.next_frame()
            if frame is not None:
                return frame
            data = self._read()
            if not data:
                self._reader.finish()
                return None
            self._reader.feed(data)

    def has_frame(self) -> bool:
        """Tells whether `receive` would give a frame at once.

        Raises:
            FrameError: as `receive`.
        """
        while self._ready is None:
            self._ready = self._reader.next_frame()
            if self._ready is not None:
                break
            data = self._read_waiting()
            if not data:
                return False
            self._reader.feed(data)
        return True

    def terminate(self) -> None:
        """Asks the script to end: its `finally` blocks run; the flow may ignore it."""
        self._send_signal(self.id, signal.SIGTERM)

    def kill(self) -> None:
        """Ends every process of the flow."""
        self._send_signal(self.id, signal.SIGKILL)

    def wait(self, timeout_seconds: float | None = None) -> Exit | None:
        """Waits until the flow is gone and tells how it ended; None when time is up."""
        return self._exit if self._gone.wait(timeout_seconds) else None

    def close(self) -> None:
        """Kills the flow if it still runs and gives the pipe back; may be repeated."""
        if not self.is_gone:
            self.kill()
        # Wakes a thread that is receiving; closing alone would not.
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def mark_gone(self, how: Exit) -> None:
        """Records that no process of the flow is left; the first word counts."""
        if not self._gone.is_set():
            self._exit = how
            self._gone.set()

    def wait_hung_up(self, timeout_seconds: float) -> None:
        """Waits until the flow's end of the pipe is closed, without reading from it."""
        poll = select.poll()
        try:
            poll.register(self._connection, 0)
            poll.poll(timeout_seconds * 1000)
        except (OSError, ValueError):
            return

    def _read_waiting(self) -> bytes:
        """Gives what has arrived, nothing when nothing has; the end is left for `receive`."""
        try:
            return self._connection.recv(READ_BYTES, socket.MSG_DONTWAIT)
        except OSError:
            return b""

    def _read(self) -> bytes:
        try:
            return self._connection.recv(READ_BYTES)
        except OSError:
            return b""


__all__ = ["Exit", "FlowGoneError", "FlowProcess", "FrameError"]
