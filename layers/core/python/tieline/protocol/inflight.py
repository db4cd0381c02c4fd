"""What was sent moments ago and needs no second copy while its ack is on the way.

Only an economy: a link has two posts in flight at most, and without this each would carry the
same dirty halves. Losing this memory costs bytes, never correctness; a lost post is made good by
`RESEND_SECONDS`, and a record the peer asked to send later is held back until then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

RESEND_SECONDS = 5.0
"""Longer than a post and its answer take on a slow line; the dirty mark outlives it anyway."""


@dataclass(slots=True)
class InFlight:
    """The halves sent or held back on one link, by (half, id)."""

    _sent: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)

    def may_send(self, half: str, record_id: str, rev: int, now: float) -> bool:
        """Tells whether this rev is not on its way already; `now` is monotonic seconds."""
        found = self._sent.get((half, record_id))
        return found is None or rev > found[0] or now >= found[1]

    def sent(self, half: str, record_id: str, rev: int, now: float) -> None:
        """Remembers that this rev was just sent."""
        self._sent[half, record_id] = (rev, now + RESEND_SECONDS)

    def sent_rev(self, half: str, record_id: str, now: float) -> int:
        """Gives the rev on its way, 0 when none is."""
        found = self._sent.get((half, record_id))
        return found[0] if found is not None and now < found[1] else 0

    def hold(self, half: str, record_id: str, rev: int, until: float) -> None:
        """Holds this rev back until that monotonic time."""
        self._sent[half, record_id] = (rev, until)

    def forget(self, half: str, record_id: str) -> None:
        """Lets the half be sent again at once."""
        self._sent.pop((half, record_id), None)

    def forget_all(self) -> None:
        """Lets everything be sent again, after a post that was not answered."""
        self._sent.clear()

    def next_resend_at(self, now: float) -> float:
        """Gives when the next of them may be sent (again), infinity when none is held back."""
        return min((until for _, until in list(self._sent.values()) if until > now), default=inf)

    def drop_old(self, now: float) -> None:
        """Frees the memory of what is no longer on its way."""
        self._sent = {key: kept for key, kept in self._sent.items() if now < kept[1]}
