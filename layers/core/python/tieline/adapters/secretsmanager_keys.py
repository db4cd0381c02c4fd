"""Private keys in AWS Secrets Manager, one secret each, cached for some minutes."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tieline.errors import InvalidFieldError, KeyMissingError, StoreUnavailableError
from tieline.protocol.keys import generate_private_key, load_private_key

logger = logging.getLogger(__name__)

CACHED_SECONDS = 300.0
"""For so long a running function signs with a key that was changed elsewhere; asking per post
would cost $5 per million posts."""
RECOVERY_DAYS = 7
"""A deleted key can be restored for that long; the shortest window there is."""

_WORKSPACE = "workspace"
_OWNER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ABSENT = "ResourceNotFoundException"
_EXISTS = "ResourceExistsException"
_IN_DELETION = "InvalidRequestException"
_DENIED = frozenset({"AccessDeniedException", "AccessDenied", "UnrecognizedClientException"})
_UNREADABLE = frozenset({"DecryptionFailure"})


@dataclass(frozen=True, slots=True)
class _Cached:
    version: str
    key: RSAPrivateKey
    read_at: float


class SecretsManagerKeys:
    """The `Keys` port: `<prefix>/workspace`, and `<prefix>/link/<id>` for a link's own key."""

    def __init__(
        self,
        client: Callable[[], Any],
        prefix: str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Takes what gives the client; it is asked when Secrets Manager is."""
        self._client = client
        self._prefix = prefix
        self._monotonic = monotonic
        self._cache: dict[str, _Cached] = {}
        self._lock = threading.Lock()

    def load(self, owner: str) -> RSAPrivateKey:
        """Gives the owner's key; one cached not long ago without asking.

        A key that cannot be read again for a passing reason goes on being used.

        Raises:
            KeyMissingError: there is none, it is damaged, or reading it is denied; names the
                secret.
            StoreUnavailableError: Secrets Manager does not answer and no key is cached.
        """
        name = self._name(owner)
        with self._lock:
            cached = self._cache.get(owner)
            if cached is None or self._monotonic() - cached.read_at >= CACHED_SECONDS:
                cached = self._cache[owner] = self._read_again(owner, name, cached)
            return cached.key

    def save(self, owner: str, pem: bytes) -> None:
        """Stores a key that was already validated; one being deleted is restored first.

        Raises:
            KeyMissingError: the owner has no key by its name, or writing it is denied.
            StoreUnavailableError: Secrets Manager does not take it now.
        """
        name = self._name(owner)
        try:
            self._save(name, pem.decode())
        except (ClientError, BotoCoreError) as error:
            raise _explain(error, name, "written") from error
        finally:
            self._forget(owner)

    def delete(self, owner: str) -> None:
        """Schedules the deletion of the owner's secret; deleting none is harmless.

        Raises:
            KeyMissingError, StoreUnavailableError: as `save`.
        """
        name = self._name(owner)
        try:
            self._client().delete_secret(SecretId=name, RecoveryWindowInDays=RECOVERY_DAYS)
        except (ClientError, BotoCoreError) as error:
            if _code(error) not in (_ABSENT, _IN_DELETION):
                raise _explain(error, name, "deleted") from error
        finally:
            self._forget(owner)

    def create_missing(self) -> None:
        """Makes the workspace's key when there is none; of several at once, one key wins.

        Raises:
            KeyMissingError, StoreUnavailableError: as `save`.
        """
        name = self._name(_WORKSPACE)
        try:
            self._client().describe_secret(SecretId=name)
        except (ClientError, BotoCoreError) as error:
            if _code(error) != _ABSENT:
                raise _explain(error, name, "read") from error
            self._create(name)

    def _create(self, name: str) -> None:
        try:
            self._client().create_secret(Name=name, SecretString=generate_private_key().decode())
        except (ClientError, BotoCoreError) as error:
            if _code(error) != _EXISTS:
                raise _explain(error, name, "written") from error

    def _save(self, name: str, text: str) -> None:
        client = self._client()
        try:
            client.create_secret(Name=name, SecretString=text)
        except ClientError as error:
            if _code(error) not in (_EXISTS, _IN_DELETION):
                raise
            if "DeletedDate" in client.describe_secret(SecretId=name):
                client.restore_secret(SecretId=name)
            client.put_secret_value(SecretId=name, SecretString=text)

    def _read_again(self, owner: str, name: str, cached: _Cached | None) -> _Cached:
        now = self._monotonic()
        try:
            found = self._client().get_secret_value(SecretId=name)
            return _parsed(found, name, cached, now)
        except (ClientError, BotoCoreError) as error:
            explained = _explain(error, name, "read")
            if isinstance(explained, KeyMissingError) or cached is None:
                self._cache.pop(owner, None)
                raise explained from error
            logger.warning(
                "key not read again, the cached one is used",
                extra={"action": "key_cached", "secret": name, "detail": str(error)},
            )
            return _Cached(cached.version, cached.key, now)

    def _forget(self, owner: str) -> None:
        with self._lock:
            self._cache.pop(owner, None)

    def _name(self, owner: str) -> str:
        if owner == _WORKSPACE:
            return f"{self._prefix}/{_WORKSPACE}"
        if not _OWNER.fullmatch(owner):
            raise KeyMissingError(f"{owner!a} has no key: neither `workspace` nor a UUID")
        return f"{self._prefix}/link/{owner}"


def _parsed(found: Mapping[str, Any], name: str, cached: _Cached | None, now: float) -> _Cached:
    version = str(found["VersionId"])
    if cached is not None and cached.version == version:
        return _Cached(version, cached.key, now)
    try:
        key = load_private_key(str(found.get("SecretString", "")).encode())
    except InvalidFieldError as error:
        raise KeyMissingError(f"secret {name} {error.problem}") from error
    return _Cached(version, key, now)


def _explain(error: Exception, name: str, verb: str) -> KeyMissingError | StoreUnavailableError:
    code = _code(error)
    if code == _ABSENT:
        return KeyMissingError(f"there is no private key in secret {name}")
    if code == _IN_DELETION:
        return KeyMissingError(f"secret {name} was deleted; it can be restored for some days")
    if code in _DENIED:
        return KeyMissingError(f"secret {name} cannot be {verb}: this role may not ({code})")
    if code in _UNREADABLE:
        return KeyMissingError(f"secret {name} cannot be {verb}: its KMS key refuses ({code})")
    return StoreUnavailableError(f"secret {name} cannot be {verb} now: {code or error}")


def _code(error: Exception) -> str:
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
