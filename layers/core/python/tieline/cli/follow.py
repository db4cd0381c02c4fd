"""Follows an execution to its end: each change of status, each line of its log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tieline.cli.client import Client, object_of, path_to
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
    _shown: tuple[object, ...] = field(default=())
    _log_length: int = 0
    _buffer: LineBuffer = field(default_factory=LineBuffer)
    _pause: float = FIRST_PAUSE_SECONDS
    _trouble_seconds: float = 0.0

    def look(self) -> JsonObject | None:
        """Gives the execution as it is now and tells what changed; None when out of reach.

        Raises:
            PeerUnavailableError: it has been out of reach for `UNREACHABLE_SECONDS`.
            ProblemError: the workspace refused; the execution may be gone.
        """
        try:
            view = object_of(self.client.request("GET", path_to("execution", self.execution_id)))
            is_news = self._tell_log(view)
        except PeerUnavailableError as error:
            self._bear(error)
            return None
        self._trouble_seconds = 0.0
        is_news = self._tell_status(view) or is_news
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

    def _bear(self, error: PeerUnavailableError) -> None:
        if self._trouble_seconds == 0.0:
            self.watcher.on_trouble(f"{error}; trying on")
        if self._trouble_seconds >= UNREACHABLE_SECONDS:
            raise error
        self._pause = LONGEST_PAUSE_SECONDS
        self._trouble_seconds += self._pause
