"""How a link is, in words: what was verified last, what waits, what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tieline.cli.wording import ago, duration, parse_time, plural
from tieline.protocol.values import Json

SILENT_SECONDS = 600.0
"""Twice the longest pause between the posts of an idle link (docs/protocol.md §7)."""

MUCH_SKEW_SECONDS = 60.0
"""A fifth of the window in which a signature is accepted (docs/protocol.md §2 rule 5)."""


class Health(StrEnum):
    """One word for how a link is."""

    WORKING = "working"
    SILENT = "silent"
    FAILING = "failing"
    UNTRIED = "untried"
    INCOMPLETE = "incomplete"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkHealth:
    """How a link is. `headline` is one sentence; `details` are more of them."""

    health: Health
    headline: str
    details: tuple[str, ...] = ()


def judge_link(
    status: Mapping[str, Json], now: datetime, sync_interval: float | None = None
) -> LinkHealth:
    """Gives the health of a link.

    Args:
        status: what `GET /sync_config/<name>/status` gave.
        sync_interval: the link's, in seconds; a link that sends rarely is silent later.
    """
    health, headline = _headline(status, now, max(SILENT_SECONDS, 2 * (sync_interval or 0.0)))
    return LinkHealth(health=health, headline=headline, details=tuple(_details(status, now)))


def last_exchange(status: Mapping[str, Json]) -> str | None:
    """Gives when something verified last came from the other side, as the REST interface does."""
    contacts = (status.get("last_contact_in"), status.get("last_contact_out"))
    return max((each for each in contacts if isinstance(each, str)), default=None)


def _headline(
    status: Mapping[str, Json], now: datetime, silent_seconds: float
) -> tuple[Health, str]:
    if not status.get("peer_fingerprint"):
        return Health.INCOMPLETE, "incomplete: the other side's public key is missing"
    if not status.get("is_enabled"):
        return Health.DISABLED, "disabled on this side"
    last = last_exchange(status)
    when = ago(last, now)
    if _is_failing(status, last):
        return Health.FAILING, f"not working since {_failed_at(status, now)}: {_why(status)}"
    if last is None:
        who = "no exchange was tried" if status.get("is_dialling") else "the other side never came"
        return Health.UNTRIED, f"never connected: {who} yet"
    at = parse_time(last)
    if at is not None and (now - at).total_seconds() > silent_seconds:
        return Health.SILENT, f"silent: the last verified exchange was {when}"
    return Health.WORKING, f"working: the last verified exchange was {when}"


def _is_failing(status: Mapping[str, Json], last: str | None) -> bool:
    failed_at = status.get("last_error_at")
    return isinstance(failed_at, str) and (last is None or failed_at > last)


def _failed_at(status: Mapping[str, Json], now: datetime) -> str:
    return ago(status.get("last_error_at"), now)


def _why(status: Mapping[str, Json]) -> str:
    return str(status.get("last_error_detail") or status.get("last_error_reason") or "unknown")


def _details(status: Mapping[str, Json], now: datetime) -> list[str]:
    lines = [_direction(status)]
    dirty = status.get("dirty_count")
    if isinstance(dirty, int):
        lines.append(f"{plural(dirty, 'change')} not delivered yet" if dirty else "nothing waits")
    last = last_exchange(status)
    if _is_failing(status, last):
        lines.append(f"last verified exchange: {ago(last, now) or 'never'}")
        lines.append(f"failed {plural(_count(status, 'failures'), 'time')} in a row")
    elif status.get("last_error_at"):
        lines.append(f"last error, overcome since: {_failed_at(status, now)}: {_why(status)}")
    lines += _measures(status)
    return lines


def _direction(status: Mapping[str, Json]) -> str:
    if status.get("is_dialling"):
        return "this side dials"
    return "this side answers; the other side dials"


def _measures(status: Mapping[str, Json]) -> list[str]:
    lines = []
    took = status.get("round_trip_seconds")
    if isinstance(took, int | float):
        lines.append(f"an exchange takes {took * 1000:.0f} ms")
    skew = status.get("clock_offset_seconds")
    if isinstance(skew, int | float) and abs(skew) > MUCH_SKEW_SECONDS:
        lines.append(f"the two clocks differ by {duration(abs(skew))}: set them (NTP)")
    return lines


def _count(status: Mapping[str, Json], name: str) -> int:
    value = status.get(name)
    return value if isinstance(value, int) else 0
