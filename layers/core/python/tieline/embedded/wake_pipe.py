"""A named pipe by which other processes say that they changed the store.

It is no socket: an agent that only dials out stays without anything that listens. A lost ring
costs time only; the store is the truth.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tieline.errors import SettingsError

logger = logging.getLogger(__name__)

_RING = b"r"
_STOP = b"s"


class WakePipe:
    """The listening end, in the host."""

    def __init__(self, path: Path, action: Callable[[], None]) -> None:
        """Makes the pipe; `action` is called once for any number of rings at a time."""
        with suppress(FileExistsError):
            os.mkfifo(path, 0o600)
        # Opened for writing too, so that reading never ends when the last ringer leaves.
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise SettingsError(f"{path} cannot be opened: {error.strerror}") from error
        self._action = action
        self._thread = threading.Thread(target=self._listen, name="wake", daemon=True)

    def start(self) -> None:
        """Begins to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the listening."""
        if self._thread.is_alive():
            os.write(self._descriptor, _STOP)
            self._thread.join()
        os.close(self._descriptor)

    def _listen(self) -> None:
        while True:
            rings = os.read(self._descriptor, 4096)
            if _STOP in rings:
                return
            try:
                self._action()
            except Exception:
                logger.exception("could not look again", extra={"action": "wake_failed"})


def ring(path: Path) -> bool:
    """Wakes the host of that data directory; tells whether one listens."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(descriptor, _RING)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
