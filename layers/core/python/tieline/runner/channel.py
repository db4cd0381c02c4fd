"""The flow's end of the pipe: whole frames, whatever signal comes when.

SIGTERM raises in the script's main thread, wherever that is. Inside this module it may be raised
only while waiting; while bytes move it is held back, so that no frame is torn or lost.
"""

from __future__ import annotations

import os
import select
import socket
from _thread import RLock, get_ident
from collections import deque
from collections.abc import Callable
from typing import NoReturn

from tieline.flows.frames import Frame, FrameError, FrameReader, encode_frame

READ_BYTES = 64 * 1024

EXIT_NO_WORKSPACE = 71
"""Exit status of a flow process whose workspace hung up; EX_OSERR of sysexits(3)."""


class PipeChannel:
    """Sends and receives frames; `send` may be called from any thread."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = FrameReader()
        self._frames: deque[Frame] = deque()
        self._outgoing = bytearray()
        self._sending = RLock()
        self._is_flushing = False
        self._is_connected = True
        self._main = get_ident()
        self._held = 0
        self._held_back: BaseException | None = None

    def exchange(self, sequence: int, frame: Frame) -> Frame:
        """Sends a call and gives its answer; answers to abandoned calls are dropped.

        Raises:
            FrameError: the frame is too large, or this is a process that the script forked.
        """
        if not self._is_connected:
            raise FrameError("only the flow's own process can call the workspace")
        self.send(frame)
        while True:
            answer = self.receive()
            if answer.get("seq") == sequence:
                return answer

    def send(self, frame: Frame) -> None:
        """Sends a frame; waits while the workspace is slow to read.

        Raises:
            FrameError: the frame is too large.
        """
        data = encode_frame(frame)
        with self._sending:
            self._uninterrupted(lambda: self._outgoing.extend(data))
            # A destructor that prints may come here while a frame is being sent.
            if self._is_flushing:
                return
            self._is_flushing = True
            try:
                self._flush()
            finally:
                self._is_flushing = False

    def send_last(self, frame: Frame) -> NoReturn:
        """Sends the last frame and ends the process; no thread can send one after it.

        Raises:
            FrameError: the frame is too large.
        """
        with self._sending:
            self.send(frame)
            os._exit(0)

    def receive(self) -> Frame:
        """Gives the next frame; ends the process when the workspace hung up."""
        while not self._frames:
            self._wait_for(select.POLLIN)
            self._uninterrupted(self._receive_some)
        return self._frames.popleft()

    def disconnect(self) -> None:
        """Hangs up in a process that the script forked; the pipe belongs to its parent."""
        self._is_connected = False
        self._outgoing.clear()
        self._connection.close()

    def raise_or_hold(self, error: BaseException) -> None:
        """Raises now or, while bytes move, as soon as they have; for signal handlers."""
        if self._held:
            self._held_back = error
        else:
            raise error

    def _flush(self) -> None:
        while self._outgoing and self._is_connected:
            self._uninterrupted(self._send_some)
            if self._outgoing:
                self._wait_for(select.POLLOUT)

    def _send_some(self) -> None:
        try:
            sent = self._connection.send(self._outgoing, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            os._exit(EXIT_NO_WORKSPACE)
        del self._outgoing[:sent]

    def _receive_some(self) -> None:
        try:
            data = self._connection.recv(READ_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            os._exit(EXIT_NO_WORKSPACE)
        self._reader.feed(data)
        while (frame := self._reader.next_frame()) is not None:
            self._frames.append(frame)

    def _wait_for(self, event: int) -> None:
        poll = select.poll()
        poll.register(self._connection, event)
        poll.poll()

    def _uninterrupted(self, step: Callable[[], None]) -> None:
        if get_ident() != self._main:
            step()
            return
        self._held += 1
        try:
            step()
        finally:
            self._held -= 1
            if self._held_back is not None and not self._held:
                error, self._held_back = self._held_back, None
                raise error
