"""The workspace in a data directory of this machine, opened by this process."""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from tieline.api.app import handle_event
from tieline.bootstrap import WAKE, check_directory, open_adapters, open_workspace
from tieline.cli.absent_host import AbsentHost
from tieline.cli.client import BASE_PATH, Body, Query, read_answer, write_body
from tieline.config import EmbeddedSettings
from tieline.embedded.bridge import from_result, to_event
from tieline.embedded.wake_pipe import ring
from tieline.operations.manage_tokens import LOCAL_ADMIN
from tieline.protocol.values import Json


class LocalClient:
    """The `Client` beside the store; whoever can read the data directory may do everything."""

    def __init__(self, settings: EmbeddedSettings) -> None:
        """Opens the workspace.

        Raises:
            SettingsError: there is none, or it cannot be used; says what to do.
        """
        check_directory(settings)
        # What an operation warns about is for a host's log; a command says what went wrong itself.
        logging.getLogger("tieline").setLevel(logging.ERROR)
        self._adapters = open_adapters(settings)
        self._pipe = settings.directory / WAKE
        try:
            absent = AbsentHost()
            self._workspace = open_workspace(self._adapters, absent, absent)
        except BaseException:
            self._adapters.close()
            raise

    def request(
        self, method: str, path: str, query: Query | None = None, body: Body | None = None
    ) -> Json:
        """Runs one request in this process; see `Client`."""
        event = to_event(
            method,
            BASE_PATH + path,
            urlencode(query or {}).encode(),
            [(b"content-type", b"application/json")],
            write_body(body),
            "",
        )
        status, _, content = from_result(handle_event(self._workspace, event, LOCAL_ADMIN))
        answer = read_answer(status, content)
        if method != "GET":
            self.wake()
        return answer

    def wake(self) -> bool:
        """Lets the host of the data directory look again; tells whether one runs."""
        return ring(self._pipe)

    def close(self) -> None:
        """Closes the store."""
        self._adapters.close()
