"""Private keys in memory: for simulations and tests."""

from __future__ import annotations

import threading

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tieline.errors import InvalidFieldError, KeyMissingError
from tieline.protocol.keys import load_private_key


class MemoryKeys:
    """The `Keys` port by a dictionary; threads may share it."""

    def __init__(self) -> None:
        self._pems: dict[str, bytes] = {}
        self._loaded: dict[str, tuple[bytes, RSAPrivateKey]] = {}
        self._lock = threading.Lock()

    def load(self, owner: str) -> RSAPrivateKey:
        """Gives the owner's key.

        Raises:
            KeyMissingError: there is none, or it is damaged; names the owner.
        """
        with self._lock:
            pem = self._pems.get(owner)
            if pem is None:
                raise KeyMissingError(f"there is no private key for {owner}")
            found = self._loaded.get(owner)
            if found is None or found[0] != pem:
                found = self._loaded[owner] = (pem, _parse(owner, pem))
            return found[1]

    def save(self, owner: str, pem: bytes) -> None:
        """Stores a key that was already validated."""
        self._pems[owner] = bytes(pem)

    def delete(self, owner: str) -> None:
        """Removes the owner's key; removing none is harmless."""
        self._pems.pop(owner, None)


def _parse(owner: str, pem: bytes) -> RSAPrivateKey:
    try:
        return load_private_key(pem)
    except InvalidFieldError as error:
        raise KeyMissingError(f"the private key of {owner} {error.problem}") from error
