"""The keys of a link: whose posts are accepted, and with which key we sign."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from tieline.errors import KeyMissingError
from tieline.operations.workspace import Workspace
from tieline.protocol.keys import parse_public_key, thumbprint
from tieline.protocol.link import SyncConfig

WORKSPACE_OWNER = "workspace"


@dataclass(frozen=True, slots=True)
class Signer:
    """Our side of a link: the private key and its thumbprint."""

    key: RSAPrivateKey
    thumbprint: str


@lru_cache(maxsize=1024)
def _public_key(pem: str) -> RSAPublicKey:
    return parse_public_key(pem)


def accept_set(config: SyncConfig) -> dict[str, RSAPublicKey]:
    """Gives the peer's keys by thumbprint; empty when none was saved."""
    if not config.remote_public_key:
        return {}
    return {config.peer_thumbprint: _public_key(config.remote_public_key)}


def key_owner(config: SyncConfig) -> str:
    """Gives the owner under which the keys port holds this link's private key."""
    return config.id if config.has_own_key else WORKSPACE_OWNER


def signer_of(workspace: Workspace, config: SyncConfig) -> Signer:
    """Gives the key that signs this link's posts.

    Raises:
        KeyMissingError: there is none, or it is another one than the peer was told.
    """
    if not config.own_thumbprint:
        raise KeyMissingError(f"sync config {config.name!r} has no own key")
    key = workspace.keys.load(key_owner(config))
    if thumbprint(key.public_key()) != config.own_thumbprint:
        raise KeyMissingError(
            f"the private key of sync config {config.name!r} is not the one it was saved with: "
            "bring the old key back, or save the sync config anew and give the peer the new "
            "public key"
        )
    return Signer(key, config.own_thumbprint)
