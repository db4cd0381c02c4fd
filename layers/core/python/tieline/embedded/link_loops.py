"""Keeps one loop running for every sync config that dials."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tieline.embedded.link_loop import LinkLoop
from tieline.embedded.link_sessions import LinkSessions
from tieline.operations.records import SYNC_CONFIG, read_body
from tieline.operations.workspace import Workspace
from tieline.protocol.link import SyncConfig

PAGE = 100


class LinkLoops:
    """The loops of all dialling links. Thread-safe."""

    def __init__(
        self, workspace: Workspace, sessions: LinkSessions, met: Callable[[str], None]
    ) -> None:
        """Takes what is called with a link's id after an exchange."""
        self._workspace = workspace
        self._sessions = sessions
        self._met = met
        self._lock = threading.Lock()
        self._loops: dict[str, tuple[SyncConfig, LinkLoop]] = {}
        self._is_stopping = False
        self._ids: dict[str, str] = {}

    def reconcile(self) -> None:
        """Compares the loops with the sync configs; starts, restarts and stops what differs."""
        with self._lock:
            if self._is_stopping:
                return
            configs = self._configs()
            self._ids = {each.name: each.id for each in configs}
            dialling = {each.id: each for each in configs if each.dials}
            for link_id, (config, loop) in list(self._loops.items()):
                if dialling.get(link_id) != config:
                    loop.stop()
                    del self._loops[link_id]
            for link_id, config in dialling.items():
                if link_id not in self._loops:
                    session = self._sessions.of(link_id)
                    loop = LinkLoop(self._workspace, config, session, self._met)
                    self._loops[link_id] = (config, loop)
                    loop.start()

    def find_id(self, name: str) -> str | None:
        """Gives the id of the sync config of that name, as of the last `reconcile`."""
        return self._ids.get(name)

    def _configs(self) -> list[SyncConfig]:
        found: list[SyncConfig] = []
        after = None
        while True:
            rows = self._workspace.store.list(SYNC_CONFIG, after=after, limit=PAGE)
            found += [read_body(SyncConfig, row.body) for row in rows]
            if len(rows) < PAGE:
                return found
            after = rows[-1].id

    def changed(self, link_id: str, *, is_urgent: bool) -> None:
        """Says that a link has something to send; harmless when it does not dial."""
        found = self._loops.get(link_id)
        if found is not None:
            found[1].changed(is_urgent=is_urgent)

    def changed_all(self) -> None:
        """Lets every dialling link look whether it has something to send."""
        for link_id in list(self._loops):
            self.changed(link_id, is_urgent=True)

    def stop(self, timeout_seconds: float) -> None:
        """Ends all loops; posts under way finish, for at most that long."""
        with self._lock:
            self._is_stopping = True
            loops = [loop for _, loop in self._loops.values()]
        for loop in loops:
            loop.stop()
        deadline = time.monotonic() + timeout_seconds
        for loop in loops:
            loop.join(max(0.0, deadline - time.monotonic()))
