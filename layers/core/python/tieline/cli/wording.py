"""Times and amounts in words."""

from __future__ import annotations

from datetime import datetime

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def parse_time(text: object) -> datetime | None:
    """Gives the time that the REST interface wrote; None when there is none."""
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None


def duration(seconds: float) -> str:
    """Gives a span of time in its largest unit, rounded down: `5 minutes`."""
    for size, unit in _UNITS:
        count = int(seconds // size)
        if count >= 1:
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return "less than a second"


def ago(text: object, now: datetime) -> str:
    """Gives how long ago a time of the REST interface was, or in how long it will be.

    Empty when there is none.
    """
    at = parse_time(text)
    if at is None:
        return ""
    seconds = (now - at).total_seconds()
    if seconds <= -1:
        return f"in {duration(-seconds)}"
    return f"{duration(seconds)} ago" if seconds >= 1 else "just now"


def plural(count: int, word: str) -> str:
    """Gives an amount with its word: `1 change`, `2 changes`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
