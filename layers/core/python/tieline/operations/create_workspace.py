"""Makes a workspace in an empty store: its identity, its epoch and its key."""

from __future__ import annotations

import re

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tieline.errors import ConflictError, InvalidFieldError, KeyMissingError
from tieline.operations.link_keys import WORKSPACE_OWNER
from tieline.operations.read_workspace import SELF, read_identity
from tieline.operations.records import WORKSPACE, Identity, write_body
from tieline.ports import Clock, Keys, Put, Row, Store
from tieline.protocol.keys import generate_private_key, public_pem, thumbprint

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def create_workspace(store: Store, keys: Keys, clock: Clock, name: str) -> Identity:
    """Creates the identity; a workspace that exists already is given back as it is.

    The epoch is the time in milliseconds: a database made later has a higher one.

    Raises:
        InvalidFieldError: the name is not of the form that sync configs have.
    """
    if store.get(WORKSPACE, SELF) is not None:
        return read_identity(store)
    if not _NAME.fullmatch(name):
        raise InvalidFieldError(
            "name", "use 1 to 63 of a-z, 0-9 and '-', beginning with a letter or digit"
        )
    try:
        key = keys.load(WORKSPACE_OWNER)
    except KeyMissingError as missing:
        key = _make_key(keys, missing)
    now = clock.now()
    identity = Identity(
        name=name,
        epoch=int(now.timestamp() * 1000),
        thumbprint=thumbprint(key.public_key()),
        public_key=public_pem(key.public_key()),
        created_at=now,
    )
    row = Row(kind=WORKSPACE, id=SELF, body=write_body(identity), is_listed=False)
    try:
        store.write([Put(row)])
    except ConflictError:
        return read_identity(store)
    return identity


def _make_key(keys: Keys, missing: KeyMissingError) -> RSAPrivateKey:
    """Makes the workspace's key where there is none; what `missing` says counts if none may be."""
    try:
        keys.save(WORKSPACE_OWNER, generate_private_key())
    except KeyMissingError:
        raise missing from None
    return keys.load(WORKSPACE_OWNER)
