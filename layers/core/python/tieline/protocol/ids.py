"""Ids of records: UUIDv7, so that the order of ids is the order of creation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

RANDOM_BYTES = 10
"""Bytes of randomness that `new_id` takes; 74 of their 80 bits go into the id."""

_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VERSION = 7 << 76
_VARIANT = 0b10 << 62


def new_id(now: datetime, random: bytes) -> str:
    """Gives a new id for a record created at `now`.

    Args:
        now: aware; its milliseconds come first in the id.
        random: `RANDOM_BYTES` unpredictable bytes, used once.

    Source: RFC 9562 section 5.7.
    """
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"an id takes {RANDOM_BYTES} random bytes, not {len(random)}")
    milliseconds = (now - _UNIX_EPOCH) // timedelta(milliseconds=1)
    bits = int.from_bytes(random)
    high = bits >> 68
    low = bits & ((1 << 62) - 1)
    return str(UUID(int=milliseconds << 80 | _VERSION | high << 64 | _VARIANT | low))
