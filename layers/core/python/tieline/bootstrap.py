"""Chooses the adapters and puts a workspace together; nothing else names an adapter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tieline.adapters.https_transport import HttpsTransport
from tieline.adapters.keyfile_keys import KeyfileKeys
from tieline.adapters.sqlite_store import SqliteStore
from tieline.adapters.system_clock import SystemClock
from tieline.config import EmbeddedSettings
from tieline.errors import SettingsError
from tieline.operations.read_workspace import read_identity
from tieline.operations.workspace import Workspace
from tieline.ports import Clock, Hints, Keys, Runner, Store, Transport
from tieline.runner.processes import FlowProcesses

DATABASE = "tieline.db"
KEYS = "keys"
WORK = "work"
LOCK = "lock"
WAKE = "wake"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """The adapters of one embedded workspace, open."""

    store: Store
    keys: Keys
    transport: Transport
    clock: Clock

    def close(self) -> None:
        """Closes what is open."""
        self.transport.close()
        self.store.close()


def open_adapters(settings: EmbeddedSettings) -> Adapters:
    """Opens the data directory and makes it, private, when there is none.

    Raises:
        SettingsError: the directory cannot be used; says why.
    """
    directory, key_file = settings.directory, settings.private_key_file
    make_private(directory)
    return Adapters(
        store=SqliteStore(directory / DATABASE),
        keys=KeyfileKeys(directory / KEYS, key_file.expanduser() if key_file else None),
        transport=HttpsTransport(),
        clock=SystemClock(),
    )


def open_processes(work_directory: Path, hold_fds: Sequence[int]) -> FlowProcesses:
    """Gives the maker of flow processes; the zygote holds these descriptors to its very end."""
    make_private(work_directory)
    return FlowProcesses(work_directory, hold_fds=hold_fds)


def check_directory(settings: EmbeddedSettings) -> None:
    """Accepts a data directory with a workspace; looking at one must not make one.

    Raises:
        SettingsError: there is none; says what to do.
    """
    if not (settings.directory / DATABASE).exists():
        raise SettingsError(
            f"there is no workspace in {settings.directory}: make one with `tieline init`, or "
            "name another with --data-dir or --url"
        )


def make_private(directory: Path) -> None:
    """Makes a directory that only its owner can enter; refuses one that others can.

    Raises:
        SettingsError: says what to do.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = directory.stat().st_mode & 0o777
    except OSError as error:
        raise SettingsError(f"{directory} cannot be used: {error.strerror}") from error
    if mode & 0o077:
        raise SettingsError(
            f"{directory} can be read by others (mode {mode:o}): run chmod 700 {directory}"
        )


def open_workspace(adapters: Adapters, runner: Runner, hints: Hints) -> Workspace:
    """Gives the workspace in the opened data directory.

    Raises:
        SettingsError: there is none yet.
    """
    identity = read_identity(adapters.store)
    return Workspace(
        name=identity.name,
        epoch=identity.epoch,
        instance=adapters.clock.random_bytes(12).hex(),
        store=adapters.store,
        keys=adapters.keys,
        transport=adapters.transport,
        runner=runner,
        hints=hints,
        clock=adapters.clock,
    )
