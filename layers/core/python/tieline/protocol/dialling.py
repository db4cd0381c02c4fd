"""When a dialling link posts next, as a value that is told what happened.

Rules, in prose (docs/protocol.md §6):

* Two posts may be under way: the *poll*, which the peer may hold, and one *push*.
* With a sync interval there are polls only, one per interval, and more at once while there is
  more to fetch.
* Without one: a local change is pushed at once, or after `BUSY_LINGER_SECONDS` while many are
  made, so that they share a post; what is not urgent (a status on its way to
  another) lingers `LINGER_SECONDS`, so that it travels with what follows. The next poll follows
  the last one, after a linger too when it brought something, since the answer to that is
  likely on its way; or after `poll_after_ms` when the peer does not hold replies.
* After a failure nothing is pushed; the next poll waits for the back-off and carries all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tieline.protocol.pacing import backoff_seconds, clamp_retry_after

LINGER_SECONDS = 0.01
"""Longer than a flow that does nothing takes, shorter than anybody notices."""
BUSY_LINGER_SECONDS = 0.015
"""A few times what a post costs both sides in signatures."""
PUSH_RETRY_SECONDS = 0.5
"""First pause before a push is tried again, doubled each time: a change waits, and the poll
that is held meanwhile ends soon and backs off properly when it fails too."""
NEVER = math.inf


def linger_seconds(*, is_urgent: bool, last_sent: int) -> float:
    """Gives how long a change waits for company.

    Args:
        last_sent: records in the last post of that direction; more than one says that much is
            going on, and that the cost of a post is worth sharing.
    """
    if last_sent > 1:
        return BUSY_LINGER_SECONDS
    return 0.0 if is_urgent else LINGER_SECONDS


@dataclass(slots=True)
class Dialling:
    """The times of one link's next posts, in monotonic seconds; `NEVER` means not planned."""

    interval: float | None = None
    poll_at: float = 0.0
    push_at: float = NEVER
    failures: int = 0
    begun_at: float = 0.0
    push_failures: int = 0
    last_sent: int = 0

    def changed(self, now: float, *, is_urgent: bool) -> None:
        """Notes a local change."""
        if self.interval is None and not self.failures:
            linger = linger_seconds(is_urgent=is_urgent, last_sent=self.last_sent)
            self.push_at = min(self.push_at, now + linger)

    def remind(self, at: float) -> None:
        """Plans a push for records that may not be sent before that time."""
        if self.interval is None and not self.failures:
            self.push_at = min(self.push_at, at)

    def begin_poll(self, now: float) -> None:
        """Notes that a poll starts; it carries what a push would have carried."""
        self.begun_at = now
        self.poll_at = NEVER
        self.push_at = NEVER

    def begin_push(self) -> None:
        """Notes that a push starts."""
        self.push_at = NEVER

    def pushed(self, now: float, *, more: bool, sent: int) -> None:
        """Notes that a push succeeded."""
        self.last_sent = sent
        self.push_failures = 0
        if more:
            self.push_at = now

    def push_failed(self, now: float) -> None:
        """Notes that a push failed; it is tried again while the poll is still held."""
        self.push_failures += 1
        pause = PUSH_RETRY_SECONDS * 2 ** min(self.push_failures - 1, 5)
        self.push_at = min(self.push_at, now + pause)

    def polled(
        self, now: float, *, more: bool, sent: int, received: int, poll_after_ms: int | None
    ) -> None:
        """Notes that a poll succeeded."""
        self.last_sent = sent
        self.failures = 0
        self.push_failures = 0
        if more:
            self.poll_at = now
        elif self.interval is not None:
            self.poll_at = self.begun_at + self.interval
        elif poll_after_ms is not None:
            self.poll_at = now + poll_after_ms / 1000
        else:
            self.poll_at = now + (LINGER_SECONDS if received else 0.0)

    def failed(self, now: float, jitter: float, retry_after_seconds: float | None = None) -> None:
        """Notes that a post failed; `jitter` is in [0, 1)."""
        self.failures += 1
        self.push_at = NEVER
        if retry_after_seconds is not None:
            pause = clamp_retry_after(retry_after_seconds)
        else:
            pause = backoff_seconds(self.failures, jitter, is_polling=True)
        self.poll_at = now + pause
