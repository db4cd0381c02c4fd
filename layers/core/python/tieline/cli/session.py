"""What one call of `tieline` works on: the chosen workspace and the chosen kind of output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

# What opens a workspace is imported when a command asks for it: it takes longest.
if TYPE_CHECKING:
    from tieline.cli.client import Client
    from tieline.config import ClientSettings, EmbeddedSettings
    from tieline.protocol.values import Json


@dataclass(kw_only=True)
class Session:
    """One call. `environment` has the global options in it, under their variables' names."""

    environment: Mapping[str, str] = field(repr=False)
    is_json: bool = False
    _open: list[Client] = field(default_factory=list, repr=False)

    @cached_property
    def settings(self) -> EmbeddedSettings:
        """Gives the settings of the workspace on this machine.

        Raises:
            SettingsError: names the variable that is wrong.
        """
        from tieline.config import read_settings  # noqa: PLC0415

        return read_settings(self.environment)

    @cached_property
    def client_settings(self) -> ClientSettings:
        """Gives where the workspace is, when it is reached over HTTP; raises as `settings`."""
        from tieline.config import read_client_settings  # noqa: PLC0415

        return read_client_settings(self.environment)

    @property
    def is_local(self) -> bool:
        """Tells whether the workspace is the data directory of this machine."""
        return not self.client_settings.url

    @cached_property
    def client(self) -> Client:
        """Gives the way to the workspace, opened with the first use.

        Raises:
            SettingsError: there is no workspace, or the settings are wrong; says the cure.
        """
        client = self._open_local() if self.is_local else self._open_remote()
        self._open.append(client)
        return client

    def show(self, value: Json, write: Callable[[], None]) -> None:
        """Prints the value as JSON when that is wanted, else lets `write` print text."""
        if self.is_json:
            from tieline.cli.printing import print_json  # noqa: PLC0415

            print_json(value)
        else:
            write()

    def close(self) -> None:
        """Closes what was opened."""
        while self._open:
            self._open.pop().close()

    def _open_local(self) -> Client:
        from tieline.cli.local_client import LocalClient  # noqa: PLC0415

        return LocalClient(self.settings)

    def _open_remote(self) -> Client:
        from tieline.cli.http_client import HttpClient  # noqa: PLC0415

        return HttpClient(self.client_settings)
