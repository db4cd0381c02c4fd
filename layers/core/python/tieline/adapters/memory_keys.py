"""Private keys in memory: for simulations and tests."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tieline.errors import InvalidFieldError, KeyMissingError
from tieline.protocol.keys import load_private_key


class MemoryKeys:
    """The `Keys` port by a dictionary; threads may share it."""

    def __init__(self) -> None:
        self._pems: dict[str, bytes] = {}
        self._loaded: dict[bytes, RSAPrivateKey] = {}

    def load(self, owner: str) -> RSAPrivateKey:
        """Gives the owner's key.

        Raises:
            KeyMissingError: there is none, or it is damaged; names the owner.
        """
        pem = self._pems.get(owner)
        if pem is None:
            raise KeyMissingError(f"there is no private key for {owner}")
        try:
            return self._loaded.get(pem) or self._loaded.setdefault(pem, load_private_key(pem))
        except InvalidFieldError as error:
            raise KeyMissingError(f"the private key of {owner} {error.problem}") from error

    def save(self, owner: str, pem: bytes) -> None:
        """Stores a key that was already validated."""
        self._pems[owner] = bytes(pem)

    def delete(self, owner: str) -> None:
        """Removes the owner's key; removing none is harmless."""
        pem = self._pems.pop(owner, b"")
        if pem not in self._pems.values():
            self._loaded.pop(pem, None)
