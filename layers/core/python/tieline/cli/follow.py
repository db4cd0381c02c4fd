"""Follows an execution to its end: each change of status, each line of its log."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tieline.cli.client import Client, ProblemError, object_of, path_to
from tieline.cli.log_lines import LineBuffer
from tieline.errors import PeerUnavailableError
from tieline.protocol.states import ENDED
from tieline.protocol.values import JsonObject

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.5
PAUSE_GROWTH = 1.5
"""Between looks: a short flow shows at once, a long one costs two requests a second."""

UNREACHABLE_SECONDS = 60.0
"""How long a workspace may be out of reach, such as for its restart, before we give up."""

BUSY_STATUS = 503
_LOG_BYTES = 256 * 1024


def has_ended(view: JsonObject) -> bool:
    """Tells whether an execution has ended."""
    return view.get("status") in ENDED


@dataclass(slots=True, kw_only=True)
class Watcher:
    """What is told about an execution while it is followed."""

    on_status: Callable[[JsonObject], None]
    on_lines: Callable[[list[JsonObject]], None]
    on_trouble: Callable[[str], None]


@dataclass(slots=True)
class Follower:
    """Looks at an execution again and again; the caller decides how long to wait in between."""

    client: Client
    execution_id: str
    watcher: Watcher
    patience_seconds: float = UNREACHABLE_SECONDS
    clock: Callable[[], float] = time.monotonic
    _shown: tuple[object, ...] = field(default=())
    _log_length: int = 0
    _buffer: LineBuffer = field(default_factory=LineBuffer)
    _pause: float = FIRST_PAUSE_SECONDS
    _lost_at: float | None = None

    def look(self) -> JsonObject | None:
        """Gives the execution as it is now and tells what changed; None when out of reach.

        Raises:
            PeerUnavailableError: it has been out of reach for `patience_seconds`.
            ProblemError: the workspace refused; the execution may be gone.
        """
        try:
            view = object_of(self.client.request("GET", path_to("execution", self.execution_id)))
            is_news = self._tell(view)
        except (PeerUnavailableError, ProblemError) as error:
            self._bear(error)
            return None
        self._lost_at = None
        self._pause = (
            FIRST_PAUSE_SECONDS
            if is_news
            else min(self._pause * PAUSE_GROWTH, LONGEST_PAUSE_SECONDS)
        )
        return view

    @property
    def pause_seconds(self) -> float:
        """Gives how long to wait before the next look."""
        return self._pause

    def _tell(self, view: JsonObject) -> bool:
        """Tells what is new in the order in which it happened: the end comes after the log."""
        if has_ended(view):
            is_news = self._tell_log(view)
            return self._tell_status(view) or is_news
        is_news = self._tell_status(view)
        return self._tell_log(view) or is_news

    def _tell_status(self, view: JsonObject) -> bool:
        shown = (view.get("status"), view.get("note"))
        if shown == self._shown:
            return False
        self._shown = shown
        self.watcher.on_status(view)
        return True

    def _tell_log(self, view: JsonObject) -> bool:
        """Tells the lines that are new; all that the view knew of, so the end loses none."""
        length = view.get("log_length")
        is_news = False
        while isinstance(length, int) and self._log_length < length:
            query = {"from": self._log_length, "limit": _LOG_BYTES}
            path = path_to("execution", self.execution_id, "log")
            data = str(object_of(self.client.request("GET", path, query))["data"])
            if not data:
                break
            # The log is ASCII, so characters are bytes.
            self._log_length += len(data)
            self.watcher.on_lines(self._buffer.feed(data))
            is_news = True
        return is_news

    def _bear(self, error: PeerUnavailableError | ProblemError) -> None:
        """Returns when the trouble may pass; raises it when it is another one or lasts."""
        if isinstance(error, ProblemError) and error.status != BUSY_STATUS:
            raise error
        is_new = self._lost_at is None
        lost_at = self._lost_at = self.clock() if self._lost_at is None else self._lost_at
        if self.clock() - lost_at >= self.patience_seconds:
            raise error
        if is_new:
            self.watcher.on_trouble(f"{error}; trying on")
        self._pause = LONGEST_PAUSE_SECONDS
