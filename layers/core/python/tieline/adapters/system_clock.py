"""The machine's clock and its source of randomness."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime


class SystemClock:
    """The `Clock` port by the operating system."""

    def now(self) -> datetime:
        """Gives the time, aware UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Gives seconds from an arbitrary start that never go back."""
        return time.monotonic()

    def random_bytes(self, count: int) -> bytes:
        """Gives `count` unpredictable bytes from the kernel."""
        return os.urandom(count)
