"""Group commit: writers that wait at the same time share one transaction and one fsync."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from tieline.errors import StoreUnavailableError, TielineError

Work = TypeVar("Work")


class Ticket(Generic[Work]):
    """One writer's work in the queue. `error` is its outcome, None once it is durable."""

    __slots__ = ("error", "is_done", "work")

    def __init__(self, work: Work) -> None:
        self.work = work
        self.error: TielineError | None = None
        self.is_done = False


Commit = Callable[[Sequence[Ticket[Work]]], None]


class CommitQueue(Generic[Work]):
    """Makes the first waiting writer the leader: it commits for all that queued until then.

    A lone writer leads at once in its own thread. While a leader waits for the disk, the others
    queue; one of them leads the next batch, so nobody waits for more than two commits.
    """

    def __init__(self, commit: Commit[Work]) -> None:
        """Takes `commit`, which does a batch and sets the `error` of each ticket that failed."""
        self._commit = commit
        self._queue: list[Ticket[Work]] = []
        self._turn = threading.Condition()
        self._is_led = False
        self._is_closed = False

    def __len__(self) -> int:
        """Counts the tickets that wait for the next batch."""
        return len(self._queue)

    def submit(self, work: Work) -> None:
        """Returns when the work is durable.

        Raises:
            TielineError: whatever `commit` set for it.
            StoreUnavailableError: the queue is closed, or the leader was interrupted.
        """
        ticket = Ticket(work)
        batch = self._wait_for_turn(ticket)
        if batch:
            self._lead(batch)
        if ticket.error is not None:
            raise ticket.error

    def close(self) -> bool:
        """Refuses new work and waits for the batch under way; tells whether it was open."""
        with self._turn:
            was_open = not self._is_closed
            self._is_closed = True
            self._turn.wait_for(lambda: not self._is_led and not self._queue)
            return was_open

    def _wait_for_turn(self, ticket: Ticket[Work]) -> list[Ticket[Work]]:
        """Gives the batch to lead, or nothing when another leader has done the ticket."""
        with self._turn:
            if self._is_closed:
                raise StoreUnavailableError("the store is closed")
            self._queue.append(ticket)
            try:
                self._turn.wait_for(lambda: ticket.is_done or not self._is_led)
            except BaseException:
                # An interrupted writer leaves no work behind for which nobody waits.
                if ticket in self._queue:
                    self._queue.remove(ticket)
                raise
            if ticket.is_done:
                return []
            self._is_led = True
            batch, self._queue = self._queue, []
            return batch

    def _lead(self, batch: list[Ticket[Work]]) -> None:
        try:
            self._commit(batch)
        except BaseException:
            for ticket in batch:
                ticket.error = StoreUnavailableError("the writing of a batch was interrupted")
            raise
        finally:
            with self._turn:
                for ticket in batch:
                    ticket.is_done = True
                self._is_led = False
                self._turn.notify_all()
