"""Private keys as PEM files that only their owner can read."""

from __future__ import annotations

import os
import re
import shlex
import stat
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tieline.errors import InvalidFieldError, KeyMissingError, StoreUnavailableError
from tieline.protocol.keys import load_private_key

_OWNER = re.compile(r"workspace|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""An owner becomes a file name, so it is one of the two forms that the port names."""

_Stamp = tuple[int, int, int]


class KeyfileKeys:
    """The `Keys` port by one file `<owner>.pem` each; threads and processes may share it."""

    def __init__(self, directory: Path, workspace_file: Path | None = None) -> None:
        """Takes the directory; it is made, private, when the first key is saved.

        Args:
            workspace_file: where the operator keeps the workspace's key, if not in the directory;
                it is read and never written.
        """
        self._directory = directory
        self._workspace_file = workspace_file
        self._cache: dict[str, tuple[_Stamp, RSAPrivateKey]] = {}
        self._lock = threading.Lock()

    def load(self, owner: str) -> RSAPrivateKey:
        """Gives the owner's key, from a cache when the file has not changed.

        Raises:
            KeyMissingError: there is none, it is damaged, or others may use the file or the
                directory; names the path, and the command that mends it.
        """
        path = self._path(owner)
        try:
            if path != self._workspace_file:
                _check_private(self._directory, os.stat(self._directory), "700")
            with self._lock, path.open("rb") as file:
                status = os.fstat(file.fileno())
                _check_private(path, status, "600")
                stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
                found = self._cache.get(owner)
                if found is None or found[0] != stamp:
                    found = self._cache[owner] = (stamp, load_private_key(file.read()))
                return found[1]
        except FileNotFoundError as error:
            raise KeyMissingError(f"there is no private key at {path}") from error
        except OSError as error:
            raise KeyMissingError(f"key {path} cannot be read: {error.strerror}") from error
        except InvalidFieldError as error:
            raise KeyMissingError(f"key {path} {error.problem}") from error

    def save(self, owner: str, pem: bytes) -> None:
        """Stores a key that was already validated; a reader sees the old one or the new one.

        Raises:
            KeyMissingError: the owner or the directory cannot be used; says the cure.
            StoreUnavailableError: it cannot be written; the old key stands.
        """
        path = self._writable_path(owner)
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_private(self._directory, os.stat(self._directory), "700")
            _replace(path, pem)
        except OSError as error:
            raise _unwritable(path, error) from error

    def delete(self, owner: str) -> None:
        """Removes the owner's key; removing none is harmless.

        Raises:
            StoreUnavailableError: it cannot be removed.
        """
        path = self._writable_path(owner)
        try:
            with suppress(FileNotFoundError):
                path.unlink()
                _sync_directory(path.parent)
        except OSError as error:
            raise _unwritable(path, error) from error
        with self._lock:
            self._cache.pop(owner, None)

    def _path(self, owner: str) -> Path:
        if not _OWNER.fullmatch(owner):
            raise KeyMissingError(f"{owner!a} has no key: neither `workspace` nor a UUID")
        if owner == "workspace" and self._workspace_file is not None:
            return self._workspace_file
        return self._directory / f"{owner}.pem"

    def _writable_path(self, owner: str) -> Path:
        path = self._path(owner)
        if path == self._workspace_file:
            raise KeyMissingError(f"{path} is the operator's own file; it is not changed from here")
        return path


def _check_private(path: Path, status: os.stat_result, mode: str) -> None:
    quoted = shlex.quote(str(path))
    if status.st_uid != os.geteuid():
        raise KeyMissingError(f"{path} belongs to another user: chown {os.geteuid()} {quoted}")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise KeyMissingError(f"{path} is open to other users: chmod {mode} {quoted}")


def _replace(path: Path, pem: bytes) -> None:
    """Puts the file in place by renaming, durable when it returns."""
    # Made with mode 0600 before the first byte is in it.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.")
    try:
        with open(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(path: Path, error: OSError) -> StoreUnavailableError:
    return StoreUnavailableError(f"key {path} cannot be written: {error.strerror}")
