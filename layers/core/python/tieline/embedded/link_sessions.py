"""What this process remembers of each link, shared by its loop and the sync endpoint."""

from __future__ import annotations

import threading

from tieline.operations.link_session import LinkSession


class LinkSessions:
    """One session per link, made when first asked for. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, LinkSession] = {}

    def of(self, link_id: str) -> LinkSession:
        """Gives the session of a link."""
        with self._lock:
            found = self._sessions.get(link_id)
            if found is None:
                found = self._sessions[link_id] = LinkSession(gate=threading.Lock())
            return found
