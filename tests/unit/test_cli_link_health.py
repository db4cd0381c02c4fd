"""How a link is, judged from what it remembers."""

from datetime import UTC, datetime, timedelta

import pytest

from tieline.cli.link_health import Health, judge_link, last_exchange

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def at(seconds):
    """A time that many seconds ago, as the REST interface writes it."""
    when = NOW - timedelta(seconds=seconds)
    return when.isoformat(timespec="microseconds").replace("+00:00", "Z")


def status(**facts):
    return {
        "name": "factory",
        "is_enabled": True,
        "is_dialling": True,
        "dirty_count": 0,
        "peer_fingerprint": "p",
        "last_contact_in": None,
        "last_contact_out": None,
        "last_error_at": None,
        "last_error_reason": None,
        "last_error_detail": None,
        "clock_offset_seconds": 0.0,
        "round_trip_seconds": None,
        "failures": 0,
        **facts,
    }


def judged(sync_interval=None, **facts):
    found = judge_link(status(**facts), NOW, sync_interval)
    return found.health, found.headline


def details(**facts):
    return judge_link(status(**facts), NOW).details


def test_recent_exchange_is_working():
    assert judged(last_contact_out=at(12)) == (
        Health.WORKING,
        "working: the last verified exchange was 12 seconds ago",
    )


def test_newer_of_both_directions_counts():
    assert last_exchange(status(last_contact_in=at(5), last_contact_out=at(9))) == at(5)
    assert last_exchange(status()) is None


@pytest.mark.parametrize(("seconds", "health"), [(600, Health.WORKING), (601, Health.SILENT)])
def test_link_is_silent_after_two_pauses_of_an_idle_one(seconds, health):
    assert judged(last_contact_in=at(seconds), is_dialling=False)[0] == health


@pytest.mark.parametrize(("seconds", "health"), [(7200, Health.WORKING), (7201, Health.SILENT)])
def test_link_that_sends_rarely_is_silent_later(seconds, health):
    assert judged(3600.0, last_contact_in=at(seconds))[0] == health


def test_error_after_the_last_exchange_is_failing():
    health, headline = judged(
        last_contact_out=at(100), last_error_at=at(90), last_error_detail="no connection"
    )
    assert (health, headline) == (
        Health.FAILING,
        "not working since 1 minute ago: no connection",
    )


def test_error_before_the_last_exchange_is_overcome():
    facts = {"last_contact_out": at(10), "last_error_at": at(90), "last_error_reason": "tls"}
    assert judged(**facts)[0] == Health.WORKING
    assert "last error, overcome since: 1 minute ago: tls" in details(**facts)


def test_first_error_before_any_exchange_is_failing():
    assert judged(last_error_at=at(1), last_error_reason="tls")[0] == Health.FAILING
    found = details(last_error_at=at(1), failures=2)
    assert "last verified exchange: never" in found
    assert "failed 2 times in a row" in found


@pytest.mark.parametrize(
    ("is_dialling", "words"),
    [(True, "no exchange was tried"), (False, "the other side never came")],
)
def test_link_without_any_exchange_is_untried(is_dialling, words):
    health, headline = judged(is_dialling=is_dialling)
    assert (health, words in headline) == (Health.UNTRIED, True)


def test_disabled_link_is_disabled_whatever_was():
    assert judged(is_enabled=False, last_contact_in=at(1))[0] == Health.DISABLED


def test_link_without_a_peer_key_is_incomplete():
    assert judged(peer_fingerprint="", is_enabled=False)[0] == Health.INCOMPLETE


@pytest.mark.parametrize(
    ("count", "words"), [(0, "nothing waits"), (3, "3 changes not delivered yet")]
)
def test_what_waits_is_counted(count, words):
    assert words in details(dirty_count=count)


@pytest.mark.parametrize(
    ("is_dialling", "words"),
    [(True, "this side dials"), (False, "this side answers; the other side dials")],
)
def test_direction_is_told(is_dialling, words):
    assert words in details(is_dialling=is_dialling)


def test_measures_are_told():
    found = details(round_trip_seconds=0.0125, clock_offset_seconds=-130.0)
    assert "an exchange takes 12 ms" in found
    assert "the two clocks differ by 2 minutes: set them (NTP)" in found
    assert not [line for line in details(clock_offset_seconds=59.0) if "clocks" in line]
