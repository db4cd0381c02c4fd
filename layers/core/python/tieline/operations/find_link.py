"""Finds sync configs by id or name."""

from __future__ import annotations

from collections.abc import Iterator

from tieline.errors import UnknownLinkError
from tieline.operations.manage_resources import is_id
from tieline.operations.records import SYNC_CONFIG, read_body
from tieline.ports import Row, Store
from tieline.protocol.link import SyncConfig

_BATCH = 100


def find_link(store: Store, key: str) -> SyncConfig:
    """Gives the sync config of that id or name.

    Raises:
        UnknownLinkError: there is none.
    """
    return link_of(load_link_row(store, key))


def load_link_row(store: Store, key: str) -> Row:
    """Gives the row of the sync config of that id or name.

    Raises:
        UnknownLinkError: there is none.
    """
    row = store.get(SYNC_CONFIG, key.lower()) if is_id(key) else None
    row = row or store.get_by_name(SYNC_CONFIG, key)
    if row is None:
        raise UnknownLinkError(f"sync config {key!r} does not exist")
    return row


def link_of(row: Row) -> SyncConfig:
    """Gives the sync config that a row holds."""
    return read_body(SyncConfig, row.body)


def all_links(store: Store) -> Iterator[SyncConfig]:
    """Gives every sync config of the workspace."""
    after: str | None = None
    while True:
        batch = store.list(SYNC_CONFIG, after=after, limit=_BATCH)
        yield from map(link_of, batch)
        if len(batch) < _BATCH:
            return
        after = batch[-1].id
