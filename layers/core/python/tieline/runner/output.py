"""What a script prints becomes lines of its log."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

from tieline.flows.limits import MAX_LOG_LINE_BYTES

Log = Callable[[str, str, dict[str, object]], None]


class LineWriter(io.RawIOBase):
    """Logs each line that is written to it; `stream` says which stream it was."""

    def __init__(self, stream: str, log: Log) -> None:
        super().__init__()
        self._stream = stream
        self.log = log
        self._rest = b""

    def writable(self) -> bool:
        """Tells that it can be written to."""
        return True

    def write(self, data: object, /) -> int:
        """Takes bytes and logs the lines that are complete."""
        taken = bytes(data)  # type: ignore[call-overload] # whatever a raw stream is given
        *lines, rest = (self._rest + taken).split(b"\n")
        # One byte more than fits is kept, so that the line is marked as cut.
        self._rest = rest[: MAX_LOG_LINE_BYTES + 1]
        for line in lines:
            self._log_line(line)
        return len(taken)

    def finish(self) -> None:
        """Logs what was written after the last line's end."""
        if self._rest:
            rest, self._rest = self._rest, b""
            self._log_line(rest)

    def _log_line(self, line: bytes) -> None:
        self.log(self._stream, line.decode(errors="replace"), {})


class Output:
    """Standard output and error of a flow, made before the fork and attached after it."""

    def __init__(self) -> None:
        self._writers = [LineWriter("stdout", _log_nowhere), LineWriter("stderr", _log_nowhere)]
        # No buffer of bytes between text and writer: one that is interrupted by a signal writes
        # again what was written already.
        self._texts = [
            io.TextIOWrapper(
                writer,  # type: ignore[type-var] # all it needs of a buffer is `write`
                encoding="utf-8",
                errors="backslashreplace",
                line_buffering=True,
            )
            for writer in self._writers
        ]

    def attach(self, log: Log) -> Callable[[], None]:
        """Sends what is printed to the log and gives the function that logs the last of it."""
        for writer in self._writers:
            writer.log = log
        sys.stdout, sys.stderr = self._texts
        return self._finish

    def _finish(self) -> None:
        for text, writer in zip(self._texts, self._writers, strict=True):
            if not text.closed:
                text.flush()
            writer.finish()


def _log_nowhere(_stream: str, _message: str, _fields: dict[str, object]) -> None:
    return
