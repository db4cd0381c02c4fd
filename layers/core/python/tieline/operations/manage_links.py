"""Creates, changes, finds and deletes sync configs, with their own private keys.

A private key is saved before the row that says it exists, and put back as it was when that row
cannot be written; so there is never a sync config whose key is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from cryptography.hazmat.primitives import serialization

from tieline.errors import (
    ConflictError,
    InvalidFieldError,
    KeyMissingError,
    StaleError,
    TielineError,
)
from tieline.operations.delete_link import delete_link
from tieline.operations.find_link import all_links, find_link, link_of, load_link_row
from tieline.operations.link_fields import apply_fields
from tieline.operations.read_workspace import read_identity
from tieline.operations.records import SYNC_CONFIG, config_row
from tieline.operations.workspace import WRITE_ATTEMPTS, Workspace
from tieline.ports import Keys, Put, Store
from tieline.protocol.config_check import check_config
from tieline.protocol.ids import RANDOM_BYTES, new_id
from tieline.protocol.keys import parse_private_key, thumbprint
from tieline.protocol.link import SyncConfig

__all__ = ["create_link", "delete_link", "find_link", "update_link"]


def create_link(
    workspace: Workspace, changes: Mapping[str, object], *, own_private_key: str | None = None
) -> SyncConfig:
    """Creates a sync config.

    Args:
        changes: fields of `SyncConfig` that an operator may set, `name` among them; keys as PEM.
        own_private_key: PEM; None or empty for the workspace's key.

    Raises:
        InvalidFieldError: names the field and the cure; nothing was written.
        StaleError: another sync config has the name.
    """
    identifier = new_id(workspace.clock.now(), workspace.clock.random_bytes(RANDOM_BYTES))
    config = apply_fields(SyncConfig(id=identifier, name=""), changes)
    return _save(workspace, config, 0, own_private_key or "")


def update_link(
    workspace: Workspace,
    key: str,
    changes: Mapping[str, object],
    *,
    own_private_key: str | None = None,
) -> SyncConfig:
    """Changes a sync config; what is not given stays.

    Args:
        key: its id or name.
        own_private_key: PEM; empty goes back to the workspace's key; None changes nothing.

    Raises:
        UnknownLinkError: there is none of that id or name.
        InvalidFieldError: names the field and the cure; nothing was written.
        StaleError: another sync config has the new name.
    """
    for _ in range(WRITE_ATTEMPTS):
        row = load_link_row(workspace.store, key)
        config = apply_fields(link_of(row), changes)
        try:
            return _save(workspace, config, row.version, own_private_key)
        except ConflictError:
            continue
    raise ConflictError(SYNC_CONFIG, key)


def _save(
    workspace: Workspace, config: SyncConfig, version: int, own_private_key: str | None
) -> SyncConfig:
    pem = own_private_key.encode() if own_private_key else None
    config = _with_own_key(workspace, config, pem, is_removed=own_private_key == "")
    check_config(config)
    _check_peer_is_new(workspace.store, config)
    with _saved_key(workspace.keys, config, pem):
        _write(workspace.store, config, version)
    if own_private_key == "":
        workspace.keys.delete(config.id)
    workspace.hints.config_changed(config.id)
    return config


def _with_own_key(
    workspace: Workspace, config: SyncConfig, pem: bytes | None, *, is_removed: bool
) -> SyncConfig:
    if pem is not None:
        own = thumbprint(parse_private_key(pem).public_key())
        return replace(config, has_own_key=True, own_thumbprint=own)
    if is_removed or not config.has_own_key:
        own = read_identity(workspace.store).thumbprint
        return replace(config, has_own_key=False, own_thumbprint=own)
    return config


def _check_peer_is_new(store: Store, config: SyncConfig) -> None:
    if not config.peer_thumbprint:
        return
    for other in all_links(store):
        if other.id != config.id and other.peer_thumbprint == config.peer_thumbprint:
            raise InvalidFieldError(
                "remote_public_key",
                f"belongs to sync config {other.name!r} already; a peer has one link",
            )


@contextmanager
def _saved_key(keys: Keys, config: SyncConfig, pem: bytes | None) -> Iterator[None]:
    if pem is None:
        yield
        return
    before = _current_pem(keys, config.id)
    keys.save(config.id, pem)
    try:
        yield
    except TielineError:
        if before is None:
            keys.delete(config.id)
        else:
            keys.save(config.id, before)
        raise


def _current_pem(keys: Keys, owner: str) -> bytes | None:
    try:
        key = keys.load(owner)
    except KeyMissingError:
        return None
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(store: Store, config: SyncConfig, version: int) -> None:
    try:
        store.write([Put(config_row(config, version))])
    except ConflictError as error:
        if error.name_taken:
            raise StaleError(f"a sync config named {config.name!r} exists already") from error
        raise
