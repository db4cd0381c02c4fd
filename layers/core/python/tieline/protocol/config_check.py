"""The rules of a sync config: each refusal names the field and the cure.

Source: docs/configuration.md "Sync config", docs/protocol.md §2 rules 3 and 9.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from tieline.errors import InvalidFieldError
from tieline.protocol.link import SyncConfig

MIN_POST_BYTES = 64 * 1024
MAX_POST_BYTES = 4 * 1024 * 1024
"""The hard cap of a body (docs/protocol.md §4); Lambda itself stops at 6 MB."""

MAX_OPEN_EXECUTIONS = 100_000
MIN_NOT_AFTER_SECONDS = 60
MAX_NOT_AFTER_SECONDS = 30 * 86_400
"""As long as tombstones live (docs/protocol.md §6); an older start could run twice."""

MAX_SYNC_INTERVAL = 86_400.0
"""One day, as often as digests are exchanged at least (docs/protocol.md §5)."""

MAX_PATTERNS = 1000
MAX_PATTERN_LENGTH = 255
MAX_URL_LENGTH = 2048
"""What proxies and browsers agree to carry."""

MAX_CA_CHARACTERS = 64 * 1024
"""Some thirty certificates; a DynamoDB row holds 400 KB."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SYNC_PATH = re.compile(r"(/[\w.~-]+)*/api/latest/sync_config/[a-z0-9][a-z0-9-]{0,62}/sync", re.A)
_SHA256_HEX = re.compile(r"[0-9a-fA-F]{64}")
_URL_SHAPE = "https://<the other workspace>/api/latest/sync_config/<the config's name there>/sync"
_GLOB_FIELDS = (
    "expose_flows",
    "expose_settings",
    "expose_files",
    "writable_settings",
    "writable_files",
)


def check_config(config: SyncConfig) -> None:
    """Accepts a sync config that may be saved.

    Raises:
        InvalidFieldError: the first field that breaks a rule, and what would be right.

    Not done here: that the keys are good keys (`protocol.keys`), that no other sync config has the
    peer's key (`operations.manage_links`), where the URL's name leads (the transport's guard).
    """
    check_link_name(config.name)
    if config.remote_url:
        check_remote_url(config.remote_url)
    _check_tls(config)
    _check_keys(config)
    _check_interval(config.sync_interval)
    for field in _GLOB_FIELDS:
        _check_globs(field, getattr(config, field))
    _check_range("max_open_executions", config.max_open_executions, 1, MAX_OPEN_EXECUTIONS)
    _check_range("max_post_bytes", config.max_post_bytes, MIN_POST_BYTES, MAX_POST_BYTES)
    _check_range(
        "not_after_seconds", config.not_after_seconds, MIN_NOT_AFTER_SECONDS, MAX_NOT_AFTER_SECONDS
    )


def check_link_name(name: str) -> None:
    """Accepts a name that can be a path segment of the peer's Remote URL.

    Raises:
        InvalidFieldError: names `name`.
    """
    if not _NAME.fullmatch(name):
        raise InvalidFieldError(
            "name", "use 1 to 63 of a-z, 0-9 and '-', beginning with a letter or a digit"
        )


def check_remote_url(url: str) -> None:
    """Accepts the URL of a peer's sync endpoint.

    Raises:
        InvalidFieldError: names `remote_url`.
    """
    parts = _split_url(url)
    if parts.username is not None or parts.password is not None:
        raise _bad_url("must not hold a user or a password; posts are signed instead")
    if "?" in url or "#" in url:
        raise _bad_url("must end with its path; remove everything from '?' or '#' on")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise _bad_url("must begin with https://; http:// is for this very machine only")
    if parts.scheme not in ("https", "http"):
        raise _bad_url(f"must begin with https://, as in {_URL_SHAPE}")
    if not _SYNC_PATH.fullmatch(parts.path):
        raise _bad_url(f"must look like {_URL_SHAPE}")


def is_loopback(host: str) -> bool:
    """Tells whether a URL's host is this machine, without asking any name server."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _split_url(url: str) -> SplitResult:
    if len(url) > MAX_URL_LENGTH:
        raise _bad_url(f"is longer than {MAX_URL_LENGTH} characters")
    if not url.isascii() or any(letter <= " " or letter in '\\"\x7f' for letter in url):
        raise _bad_url("holds a space or a letter that URLs cannot hold")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _bad_url(f"is not a URL; write {_URL_SHAPE}") from error
    if not parts.hostname or port == 0:
        raise _bad_url(f"names no host that can be reached; write {_URL_SHAPE}")
    return parts


def _bad_url(problem: str) -> InvalidFieldError:
    return InvalidFieldError("remote_url", problem)


def _check_tls(config: SyncConfig) -> None:
    if config.seal_bodies:
        raise InvalidFieldError(
            "seal_bodies", "is not available in this version; leave it false and pin a certificate"
        )
    pin = config.pinned_certificate_sha256
    if pin and not _SHA256_HEX.fullmatch(pin):
        raise InvalidFieldError(
            "pinned_certificate_sha256",
            "must be the 64 hexadecimal digits of the certificate's SHA-256, without colons",
        )
    if not config.verify_ssl_certificates and not pin:
        raise InvalidFieldError(
            "verify_ssl_certificates",
            "can be false only with pinned_certificate_sha256; for a self-signed certificate you "
            "can also keep it true and put the certificate into ca_certificate",
        )
    if config.ca_certificate:
        _check_ca(config.ca_certificate)


def _check_ca(pem: str) -> None:
    if "PRIVATE KEY" in pem:
        raise InvalidFieldError("ca_certificate", "holds a private key; give certificates only")
    if len(pem) > MAX_CA_CHARACTERS:
        raise InvalidFieldError("ca_certificate", f"is longer than {MAX_CA_CHARACTERS} characters")
    # Imported late: it is large, and few configs have a certificate.
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415

    try:
        load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise InvalidFieldError(
            "ca_certificate", "must be one or more PEM certificates (-----BEGIN CERTIFICATE-----)"
        ) from error


def _check_keys(config: SyncConfig) -> None:
    if config.peer_thumbprint and config.peer_thumbprint == config.own_thumbprint:
        raise InvalidFieldError(
            "remote_public_key",
            "is the public half of our own key; paste the key of the other workspace",
        )
    if config.is_enabled and not config.peer_thumbprint:
        raise InvalidFieldError(
            "remote_public_key",
            "is missing; paste the other workspace's public key before enabling the link",
        )


def _check_interval(interval: float | None) -> None:
    if interval is not None and not (
        math.isfinite(interval) and 1 <= interval <= MAX_SYNC_INTERVAL
    ):
        raise InvalidFieldError(
            "sync_interval",
            f"must be 1 to {MAX_SYNC_INTERVAL:.0f} seconds, or null to send changes at once",
        )


def _check_globs(field: str, patterns: Sequence[str]) -> None:
    if isinstance(patterns, str) or not all(isinstance(each, str) for each in patterns):
        raise InvalidFieldError(field, 'must be a list of names or globs, such as ["report-*"]')
    if len(patterns) > MAX_PATTERNS:
        raise InvalidFieldError(field, f"must not have more than {MAX_PATTERNS} entries")
    if any(not 1 <= len(each) <= MAX_PATTERN_LENGTH for each in patterns):
        raise InvalidFieldError(field, f"each entry must have 1 to {MAX_PATTERN_LENGTH} characters")


def _check_range(field: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InvalidFieldError(field, f"must be between {least} and {most}")
