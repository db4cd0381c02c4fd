"""A sync config, what it allows in which direction, and what a link remembers between posts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase


class ControlMode(StrEnum):
    """Who may start executions where, as one side sees it (docs/protocol.md §1)."""

    AUTO = "auto"
    OUTGOING = "outgoing"
    INCOMING = "incoming"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncConfig:
    """What an operator decides about one link; the rules of each field are in `check_config`.

    `remote_public_key` is PEM (SubjectPublicKeyInfo), `peer_thumbprint` its RFC 7638 SHA-256
    thumbprint. A private key is never here: `has_own_key` tells whether the keys port holds one
    for this link, and `own_thumbprint` is that key's, or the workspace key's.
    """

    id: str
    name: str
    is_enabled: bool = False
    remote_url: str = ""
    ca_certificate: str = ""
    verify_ssl_certificates: bool = True
    pinned_certificate_sha256: str = ""
    seal_bodies: bool = False
    has_own_key: bool = False
    own_thumbprint: str = ""
    remote_public_key: str = ""
    peer_thumbprint: str = ""
    send_all_executions: bool = False
    sync_interval: float | None = None
    control: ControlMode = ControlMode.AUTO
    expose_flows: Sequence[str] = field(default=("*",))
    expose_settings: Sequence[str] = field(default=())
    expose_files: Sequence[str] = field(default=())
    writable_settings: Sequence[str] = field(default=())
    writable_files: Sequence[str] = field(default=())
    max_open_executions: int = 1000
    max_post_bytes: int = 1024 * 1024
    not_after_seconds: int = 86_400

    @property
    def dials(self) -> bool:
        """Tells whether this side opens the connections."""
        return self.is_enabled and bool(self.remote_url)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkState:
    """What a link remembers between posts; one row per link, written with every post.

    `n_in`, `n_out`: last request number accepted / used. `s_in`, `s_out`: last message number
    received / used. `peer_epoch` is None before the first exchange. Times are aware UTC.
    """

    id: str
    n_in: int = 0
    n_out: int = 0
    s_in: int = 0
    s_out: int = 0
    peer_epoch: int | None = None
    peer_instance: str | None = None
    peer_version: str | None = None
    last_contact_in: datetime | None = None
    last_contact_out: datetime | None = None
    last_error_at: datetime | None = None
    last_error_reason: str | None = None
    last_error_detail: str | None = None
    clock_offset_seconds: float = 0.0
    round_trip_seconds: float | None = None
    failures: int = 0


def may_start_there(config: SyncConfig) -> bool:
    """Tells whether we may run flows in the peer, as far as this side decides it."""
    if config.control == ControlMode.AUTO:
        return bool(config.remote_url)
    return config.control in (ControlMode.OUTGOING, ControlMode.BOTH)


def may_start_here(config: SyncConfig, *, peer_opened: bool) -> bool:
    """Tells whether the peer may run flows here.

    Args:
        peer_opened: whether the record came in a post that the peer opened, in contrast to a
            reply to one of ours.
    """
    if config.control == ControlMode.AUTO:
        return peer_opened
    return config.control in (ControlMode.INCOMING, ControlMode.BOTH)


def is_exposed(patterns: Sequence[str], name: str) -> bool:
    """Tells whether one of the globs matches the whole name, upper and lower case distinct."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
