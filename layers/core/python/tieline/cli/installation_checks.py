"""Looks at the workspace on this machine: directory, database, key, clock, host."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tieline.bootstrap import WAKE, Adapters, check_directory, make_private, open_adapters
from tieline.cli.checks import Check
from tieline.config import EmbeddedSettings
from tieline.embedded.wake_pipe import ring
from tieline.errors import KeyMissingError, LocalError, TielineError
from tieline.operations.link_keys import WORKSPACE_OWNER
from tieline.operations.read_workspace import read_identity
from tieline.operations.records import Identity
from tieline.protocol.keys import thumbprint

DAYS_TRUSTED = timedelta(days=20 * 365)
"""No workspace is that old; a clock that says so is wrong, such as one that lost its battery."""

SLACK = timedelta(minutes=5)
"""What NTP may have corrected since the workspace was made."""


def check_installation(settings: EmbeddedSettings, now: datetime | None = None) -> list[Check]:
    """Gives the checks in the order in which they depend on each other; stops where it must."""
    directory = _attempt("data directory", lambda: _check_directory(settings))
    if not directory.is_ok:
        return [directory]
    try:
        adapters = open_adapters(settings)
    except TielineError as error:
        return [directory, _failed("database", error)]
    try:
        return [directory, *_check_inside(settings, adapters, now or datetime.now(UTC))]
    finally:
        adapters.close()


def _check_inside(settings: EmbeddedSettings, adapters: Adapters, now: datetime) -> list[Check]:
    try:
        identity = read_identity(adapters.store)
    except TielineError as error:
        return [_failed("database", error, "run `tieline init`")]
    return [
        Check(subject="database", is_ok=True, detail=f"workspace {identity.name}"),
        _attempt("key", lambda: _check_key(adapters, identity)),
        check_clock(identity.created_at, now),
        _check_host(settings),
    ]


def _check_directory(settings: EmbeddedSettings) -> Check:
    check_directory(settings)
    make_private(settings.directory)
    return Check(subject="data directory", is_ok=True, detail=str(settings.directory))


def _check_key(adapters: Adapters, identity: Identity) -> Check:
    found = thumbprint(adapters.keys.load(WORKSPACE_OWNER).public_key())
    if found == identity.thumbprint:
        return Check(subject="key", is_ok=True, detail=f"fingerprint {found}")
    return Check(
        subject="key",
        is_ok=False,
        detail=f"it is {found}, but the workspace was made with {identity.thumbprint}",
        cure="put the workspace's own key back; other workspaces know only that one",
    )


def check_clock(created_at: datetime, now: datetime) -> Check:
    """Compares this machine's clock with the time at which the workspace was made."""
    shown = now.isoformat(timespec="seconds")
    if created_at - SLACK <= now <= created_at + DAYS_TRUSTED:
        return Check(subject="clock", is_ok=True, detail=f"{shown}, which can be right")
    return Check(
        subject="clock",
        is_ok=False,
        detail=f"{shown}, but the workspace was made {created_at.isoformat(timespec='seconds')}",
        cure="set the clock (NTP): signatures are accepted for 300 seconds only",
    )


def _check_host(settings: EmbeddedSettings) -> Check:
    if ring(settings.directory / WAKE):
        return Check(subject="host", is_ok=True, detail="a process runs the workspace")
    return Check(
        subject="host",
        is_ok=False,
        detail="no process runs the workspace: no flow starts, no link sends",
        cure="start `tieline serve` or `tieline agent run`",
    )


def _attempt(subject: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except (LocalError, KeyMissingError) as error:
        return _failed(subject, error)


def _failed(subject: str, error: TielineError, cure: str = "") -> Check:
    # Messages of these errors say what to do themselves.
    return Check(subject=subject, is_ok=False, detail=str(error), cure=cure)
