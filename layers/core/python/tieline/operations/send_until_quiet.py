"""Posts a link's changes until nothing is left to say, for a host without a loop per link."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import StrEnum

from tieline.errors import (
    ForbiddenError,
    PeerUnavailableError,
    ThrottledError,
    UnknownLinkError,
)
from tieline.operations.link_session import LinkSession
from tieline.operations.records import config_of, load_link_state
from tieline.operations.send_changes import send_changes
from tieline.operations.workspace import Workspace
from tieline.protocol.pacing import backoff_seconds

logger = logging.getLogger(__name__)

MAX_EXCHANGES = 20
"""Posts of 100 records each in one go; what is left is found by the next sweep."""


class Outcome(StrEnum):
    """What came of it. SKIPPED: it is not the time, or not ours to dial."""

    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How much was exchanged."""

    outcome: Outcome
    posts: int = 0
    records: int = 0


def send_until_quiet(workspace: Workspace, link_id: str, *, is_scheduled: bool) -> Sent:
    """Exchanges posts with the peer until both have said all; for dialling links.

    What the reply brings must be acked by another post before this process forgets it. A peer
    that cannot be reached is no error here: the failure is kept in the link's health, and the
    sweep tries again.

    Args:
        is_scheduled: called because it is time; False: because something changed. Then a link
            with an interval waits for its time, and one that failed waits for its back-off.

    Raises:
        TransientError: the store cannot be used now.
        LocalError: the key is missing.
    """
    try:
        config = config_of(workspace.store, link_id)
    except UnknownLinkError:
        return Sent(outcome=Outcome.SKIPPED)
    is_early = not is_scheduled and (
        config.sync_interval is not None or _is_backing_off(workspace, link_id)
    )
    if not config.dials or is_early:
        return Sent(outcome=Outcome.SKIPPED)
    session = LinkSession()
    posts = records = 0
    # The first exchange ever carries no records: the peer's epoch is not known before it.
    is_first = load_link_state(workspace.store, link_id)[0].peer_epoch is None
    try:
        for _ in range(MAX_EXCHANGES):
            done = send_changes(workspace, link_id, session)
            posts, records = posts + 1, records + done.sent
            if not (done.more or session.acks or session.results or is_first):
                break
            is_first = False
    except (PeerUnavailableError, ThrottledError, ForbiddenError):
        return Sent(outcome=Outcome.FAILED, posts=posts, records=records)
    logger.info(
        "changes sent",
        extra={"action": "changes_sent", "link": config.name, "posts": posts, "records": records},
    )
    return Sent(outcome=Outcome.SENT, posts=posts, records=records)


def _is_backing_off(workspace: Workspace, link_id: str) -> bool:
    state, _ = load_link_state(workspace.store, link_id)
    if not state.failures or state.last_error_at is None:
        return False
    jitter = int.from_bytes(workspace.clock.random_bytes(4)) / 2**32
    pause = backoff_seconds(state.failures, jitter, is_polling=True)
    return (workspace.clock.now() - state.last_error_at).total_seconds() < pause
