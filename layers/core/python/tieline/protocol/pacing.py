"""How long to wait before the next try.

Source: docs/protocol.md §6. The jitter is "full": anywhere between nothing and the bound, so that
many links that failed together do not come back together.
"""

from __future__ import annotations

BASE_SECONDS = 1.0
FACTOR = 2.0
CAP_SECONDS = 300.0
POLL_CAP_SECONDS = 60.0
RETRY_AFTER_BOUNDS_SECONDS = (1.0, 900.0)
_MAX_DOUBLINGS = 10
"""2**10 s is above every cap; keeps the power small for links that failed for weeks."""


def backoff_seconds(failures: int, jitter: float, *, is_polling: bool) -> float:
    """Gives the pause after so many failures in a row.

    Args:
        failures: 1 after the first failure; 0 gives no pause.
        jitter: in [0, 1).
        is_polling: whether the link polls, which lowers the cap to a minute.
    """
    if failures <= 0:
        return 0.0
    cap = POLL_CAP_SECONDS if is_polling else CAP_SECONDS
    bound = min(cap, BASE_SECONDS * FACTOR ** min(failures - 1, _MAX_DOUBLINGS))
    return bound * jitter


def clamp_retry_after(seconds: float) -> float:
    """Gives what of a peer's Retry-After is obeyed."""
    low, high = RETRY_AFTER_BOUNDS_SECONDS
    return min(max(seconds, low), high)


def next_number(last: int, unix_ms: int) -> int:
    """Gives the next request number: it grows even when the clock goes back (§2 rule 8)."""
    return max(last + 1, unix_ms)
