"""Posts for one dialling link: a thread that polls and pushes, and one that pushes meanwhile.

`protocol.dialling` decides when; this only waits and does. Source: docs/protocol.md §6.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from tieline.errors import ThrottledError, TielineError
from tieline.operations.link_session import LinkSession
from tieline.operations.send_changes import Exchanged, send_changes
from tieline.operations.workspace import Workspace
from tieline.protocol.dialling import NEVER, Dialling
from tieline.protocol.link import SyncConfig
from tieline.protocol.messages import MAX_WAIT_MS

logger = logging.getLogger(__name__)

RELEASING_WAIT_MS = 1
"""The least that makes a post a poll: the peer answers the older poll of a link at once."""


class LinkLoop:
    """The threads of one dialling link, from `start` to `stop`."""

    def __init__(
        self,
        workspace: Workspace,
        config: SyncConfig,
        session: LinkSession,
        met: Callable[[str], None],
    ) -> None:
        """Takes what is called with the link's id after an exchange."""
        self._workspace = workspace
        self._link_id = config.id
        self._session = session
        self._met = met
        self._dialling = Dialling(interval=config.sync_interval)
        self._wake = threading.Condition()
        self._is_stopping = False
        self._is_polling = False
        self._wait_ms = 0 if config.sync_interval is not None else MAX_WAIT_MS
        self._threads = [
            threading.Thread(target=self._run_polls, name=f"poll {config.name}", daemon=True),
            threading.Thread(target=self._run_pushes, name=f"push {config.name}", daemon=True),
        ]

    def start(self) -> None:
        """Begins with an exchange at once."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begins no further post but the one that ends a poll which the peer holds."""
        with self._wake:
            self._is_stopping = True
            self._wake.notify_all()

    def join(self, timeout_seconds: float) -> None:
        """Waits for the posts under way."""
        deadline = time.monotonic() + timeout_seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def changed(self, *, is_urgent: bool) -> None:
        """Says that there is something to send."""
        with self._wake:
            before = self._dialling.push_at
            self._dialling.changed(time.monotonic(), is_urgent=is_urgent)
            if self._dialling.push_at < before:
                self._wake.notify_all()

    def _run_polls(self) -> None:
        """Polls; when no poll is under way, what is to be pushed goes with the next one."""
        while self._wait_for_poll():
            try:
                done = self._exchange(self._patience_ms())
            except TielineError as error:
                self._failed(error)
                continue
            except Exception as error:
                logger.exception("exchange broke", extra={"action": "exchange_failed"})
                self._failed(error)
                continue
            with self._wake:
                self._is_polling = False
                self._dialling.polled(
                    time.monotonic(),
                    more=done.more,
                    sent=done.sent,
                    received=done.received,
                    poll_after_ms=done.poll_after_ms,
                )

    def _patience_ms(self) -> int:
        """The first exchange is not to be held: until it is over nothing is sent or started."""
        return self._wait_ms if self._session.has_exchanged else 0

    def _wait_for_poll(self) -> bool:
        with self._wake:
            while not self._is_stopping:
                now = time.monotonic()
                due = min(self._dialling.poll_at, self._dialling.push_at)
                if due <= now:
                    self._dialling.begin_poll(now)
                    self._is_polling = True
                    self._wake.notify_all()
                    return True
                self._wake.wait(None if due == NEVER else due - now)
            return False

    def _run_pushes(self) -> None:
        """Pushes while a poll is held by the peer."""
        while self._wait_for_push():
            try:
                done = self._exchange(0)
            except TielineError as error:
                self._failed(error, is_poll=False)
                continue
            except Exception as error:
                logger.exception("exchange broke", extra={"action": "exchange_failed"})
                self._failed(error, is_poll=False)
                continue
            with self._wake:
                self._dialling.pushed(time.monotonic(), more=done.more, sent=done.sent)
        self._release_poll()

    def _release_poll(self) -> None:
        """Ends a poll that the peer holds, by a newer one that hardly waits."""
        if not self._is_polling or not self._wait_ms:
            return
        try:
            self._exchange(RELEASING_WAIT_MS)
        except TielineError:
            # The reason is in the link's health; the poll ends by its own time.
            return

    def _wait_for_push(self) -> bool:
        with self._wake:
            while not self._is_stopping:
                now = time.monotonic()
                due = self._dialling.push_at if self._is_polling else NEVER
                if due <= now:
                    self._dialling.begin_push()
                    return True
                self._wake.wait(None if due == NEVER else due - now)
            return False

    def _exchange(self, wait_ms: int) -> Exchanged:
        done = send_changes(self._workspace, self._link_id, self._session, wait_ms=wait_ms)
        self._met(self._link_id)
        self._remember_held_back()
        return done

    def _remember_held_back(self) -> None:
        """Plans a push for what the peer asked to be sent later; nothing else would wake us."""
        now = time.monotonic()
        again_at = self._session.sends_again_at(now)
        if again_at != NEVER and self._workspace.store.count_dirty(self._link_id):
            with self._wake:
                self._dialling.remind(again_at)
                self._wake.notify_all()

    def _failed(self, error: Exception, *, is_poll: bool = True) -> None:
        jitter = int.from_bytes(self._workspace.clock.random_bytes(4)) / 2**32
        pause = error.retry_after_seconds if isinstance(error, ThrottledError) else None
        with self._wake:
            if is_poll:
                self._is_polling = False
                self._dialling.failed(time.monotonic(), jitter, pause)
            else:
                self._dialling.push_failed(time.monotonic())
            self._wake.notify_all()
