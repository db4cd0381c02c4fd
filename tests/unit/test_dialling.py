"""When a link posts next, and how long it waits after a failure (docs/protocol.md §6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.protocol.dialling import (
    BUSY_LINGER_SECONDS,
    LINGER_SECONDS,
    NEVER,
    PUSH_RETRY_SECONDS,
    Dialling,
)
from tieline.protocol.inflight import RESEND_SECONDS, InFlight
from tieline.protocol.pacing import (
    CAP_SECONDS,
    POLL_CAP_SECONDS,
    backoff_seconds,
    clamp_retry_after,
    next_number,
)


def polled(dialling: Dialling, now: float, **fields: object) -> None:
    facts = {"more": False, "sent": 0, "received": 0, "poll_after_ms": None, **fields}
    dialling.polled(now, **facts)  # type: ignore[arg-type]


def test_urgent_change_is_pushed_at_once_and_another_lingers() -> None:
    dialling = Dialling(poll_at=NEVER)
    dialling.changed(10.0, is_urgent=False)
    assert dialling.push_at == 10.0 + LINGER_SECONDS
    dialling.changed(10.001, is_urgent=True)
    assert dialling.push_at == 10.001


def test_changes_share_a_post_while_many_are_made() -> None:
    dialling = Dialling(poll_at=NEVER, last_sent=5)
    dialling.changed(10.0, is_urgent=True)
    assert dialling.push_at == 10.0 + BUSY_LINGER_SECONDS


def test_with_an_interval_nothing_is_pushed_and_polls_keep_their_beat() -> None:
    dialling = Dialling(interval=2.0)
    dialling.begin_poll(10.0)
    dialling.changed(10.5, is_urgent=True)
    polled(dialling, 10.7)
    assert (dialling.push_at, dialling.poll_at) == (NEVER, 12.0)


def test_with_an_interval_more_is_fetched_at_once() -> None:
    dialling = Dialling(interval=2.0)
    dialling.begin_poll(10.0)
    polled(dialling, 10.7, more=True)
    assert dialling.poll_at == 10.7


def test_poll_carries_what_was_to_be_pushed() -> None:
    dialling = Dialling()
    dialling.changed(10.0, is_urgent=True)
    dialling.begin_poll(10.0)
    assert dialling.push_at == NEVER


def test_next_poll_follows_the_last_unless_the_peer_does_not_hold_replies() -> None:
    dialling = Dialling()
    dialling.begin_poll(0.0)
    polled(dialling, 25.0)
    assert dialling.poll_at == 25.0
    polled(dialling, 25.0, received=1)
    assert dialling.poll_at == 25.0 + LINGER_SECONDS
    polled(dialling, 25.0, poll_after_ms=1500)
    assert dialling.poll_at == 26.5


def test_after_a_failure_nothing_is_pushed_until_a_poll_succeeds() -> None:
    dialling = Dialling()
    dialling.failed(10.0, jitter=0.5)
    dialling.changed(10.1, is_urgent=True)
    assert dialling.push_at == NEVER
    assert dialling.poll_at == 10.5
    polled(dialling, 10.6)
    dialling.changed(10.7, is_urgent=True)
    assert dialling.push_at == 10.7


def test_failed_push_is_tried_again_with_growing_pauses() -> None:
    dialling = Dialling(poll_at=NEVER)
    dialling.push_failed(10.0)
    assert dialling.push_at == 10.0 + PUSH_RETRY_SECONDS
    dialling.begin_push()
    dialling.push_failed(20.0)
    assert dialling.push_at == 20.0 + 2 * PUSH_RETRY_SECONDS


def test_peers_retry_after_is_obeyed_within_bounds() -> None:
    dialling = Dialling()
    dialling.failed(10.0, jitter=0.9, retry_after_seconds=7.0)
    assert dialling.poll_at == 17.0
    assert clamp_retry_after(0.0) == 1.0
    assert clamp_retry_after(10_000.0) == 900.0


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True), st.booleans())
def test_backoff_stays_within_its_bound(failures: int, jitter: float, is_polling: bool) -> None:
    pause = backoff_seconds(failures, jitter, is_polling=is_polling)
    assert (
        0 <= pause <= min(POLL_CAP_SECONDS if is_polling else CAP_SECONDS, 2.0 ** min(failures, 20))
    )


@pytest.mark.parametrize(
    ("failures", "bound"), [(0, 0), (1, 1), (2, 2), (5, 16), (7, 60), (99, 60)]
)
def test_backoff_doubles_up_to_its_cap(failures: int, bound: float) -> None:
    assert backoff_seconds(failures, 0.5, is_polling=True) == bound / 2


@given(st.integers(0, 2**50), st.integers(0, 2**50))
def test_request_numbers_grow_even_when_the_clock_goes_back(last: int, unix_ms: int) -> None:
    number = next_number(last, unix_ms)
    assert number > last
    assert number >= unix_ms


def test_half_on_its_way_is_not_sent_again_but_a_newer_rev_is() -> None:
    flight = InFlight()
    flight.sent("run", "e", 3, now=0.0)
    assert not flight.may_send("run", "e", 3, now=1.0)
    assert flight.may_send("run", "e", 4, now=1.0)
    assert flight.may_send("run", "e", 3, now=RESEND_SECONDS)
    assert flight.may_send("control", "e", 3, now=1.0)


def test_lost_post_lets_everything_be_sent_again() -> None:
    flight = InFlight()
    flight.sent("run", "e", 3, now=0.0)
    flight.forget_all()
    assert flight.may_send("run", "e", 3, now=0.1)


def test_record_held_back_waits_for_its_time_but_not_a_newer_rev() -> None:
    flight = InFlight()
    flight.hold("run", "e", 3, until=50.0)
    assert not flight.may_send("run", "e", 3, now=49.0)
    assert flight.may_send("run", "e", 4, now=1.0)
    assert flight.may_send("run", "e", 3, now=50.0)


def test_what_is_held_back_is_pushed_when_its_time_has_come() -> None:
    dialling = Dialling(poll_at=NEVER)
    dialling.remind(12.5)
    assert dialling.push_at == 12.5
    dialling.remind(20.0)
    assert dialling.push_at == 12.5


def test_nothing_is_pushed_for_a_reminder_with_an_interval_or_after_a_failure() -> None:
    with_interval = Dialling(interval=5.0, poll_at=NEVER)
    with_interval.remind(12.5)
    failing = Dialling(failures=1, poll_at=NEVER)
    failing.remind(12.5)
    assert with_interval.push_at == failing.push_at == NEVER
