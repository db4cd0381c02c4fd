"""What one process remembers of a link between posts; losing it costs bytes and time only."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from tieline.protocol.inflight import InFlight
from tieline.protocol.messages import Ack, Result, SizeLimits

MIN_POST_BYTES = 64 * 1024


@dataclass(slots=True, kw_only=True)
class LinkSession:
    """Acks and results that wait for the next post, and what is in flight.

    `has_exchanged`: one exchange succeeded since this process started; before it nothing linked
    is started (docs/protocol.md §3 rule 6). `next_send_at` (monotonic seconds) is when an
    answering side with a sync interval may send again. `gate` is entered while a post is
    numbered and signed; a host with several threads per link gives a lock, so that posts leave
    in the order of their numbers.
    """

    in_flight: InFlight = field(default_factory=InFlight)
    acks: list[Ack] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    peer_limits: SizeLimits = field(default_factory=SizeLimits)
    peer_instance: str | None = None
    has_exchanged: bool = False
    last_number: int = 0
    next_send_at: float = 0.0
    gate: AbstractContextManager[object] = field(default_factory=nullcontext)

    def number_post(self, number: int) -> int:
        """Remembers the number of the post that is about to be sent, and gives it."""
        self.last_number = max(self.last_number + 1, number)
        return self.last_number

    def owe(self, acks: Sequence[Ack], results: Sequence[Result]) -> None:
        """Keeps acks and results for the next post."""
        self.acks.extend(acks)
        self.results.extend(results)

    def take_owed(self) -> tuple[Sequence[Ack], Sequence[Result]]:
        """Gives what is owed and owes it no longer; a lost post makes the peer send again."""
        acks, self.acks = self.acks, []
        results, self.results = self.results, []
        return acks, results

    def sends_again_at(self, now: float) -> float:
        """Gives when something that is held back now may be sent, infinity when nothing is."""
        resend_at = self.in_flight.next_resend_at(now)
        return min(resend_at, self.next_send_at) if self.next_send_at > now else resend_at

    def shrink_posts(self) -> None:
        """Halves the size of the next posts, after the peer found one too large."""
        smaller = max(MIN_POST_BYTES, self.peer_limits.bytes // 2)
        self.peer_limits = SizeLimits(records=self.peer_limits.records, bytes=smaller)

    def met(self, instance: str, limits: SizeLimits) -> None:
        """Notes who answered; after the peer's restart everything may be sent again."""
        if self.peer_instance not in (None, instance):
            self.in_flight.forget_all()
        self.peer_instance = instance
        self.peer_limits = limits
        self.has_exchanged = True
