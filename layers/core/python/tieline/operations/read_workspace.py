"""Gives who this workspace is, as its store knows it."""

from __future__ import annotations

from tieline.errors import SettingsError
from tieline.operations.records import WORKSPACE, Identity, read_body
from tieline.ports import Store

SELF = "self"
"""The id of the only row of its kind."""


def read_identity(store: Store) -> Identity:
    """Gives the workspace's identity.

    Raises:
        SettingsError: the workspace was never set up.
    """
    row = store.get(WORKSPACE, SELF)
    if row is None:
        raise SettingsError("the workspace has no identity yet; run `tieline init`")
    return read_body(Identity, row.body)
