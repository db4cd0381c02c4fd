"""Posts over HTTPS by urllib3: verified TLS, keep-alive, caps while reading, no redirects."""

from __future__ import annotations

import hashlib
import ssl
import threading
from collections import OrderedDict
from collections.abc import Mapping

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from tieline.errors import PeerUnavailableError
from tieline.ports import Answer, Target

CONNECT_TIMEOUT_SECONDS = 10.0
POOLS_KEPT = 64
"""Links with their own certificates at once; the least used pool is closed beyond that."""
CONNECTIONS_PER_POOL = 2
"""A link has two posts under way at most (docs/protocol.md §6)."""
_READ_BYTES = 64 * 1024


class HttpsTransport:
    """One keep-alive pool for every way in which a peer is trusted. Thread-safe."""

    def __init__(self) -> None:
        self._pools: OrderedDict[str, urllib3.PoolManager] = OrderedDict()
        self._lock = threading.Lock()

    def post(
        self,
        target: Target,
        headers: Mapping[str, str],
        body: bytes,
        *,
        timeout_seconds: float,
        max_answer_bytes: int,
    ) -> Answer:
        """Sends one request and reads the answer; see `ports.Transport`."""
        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT_SECONDS, read=timeout_seconds)
        try:
            response = self._pool(target).request(
                "POST",
                target.url,
                headers=dict(headers),
                body=body,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=timeout,
            )
            try:
                return _read(response, max_answer_bytes)
            finally:
                response.release_conn()
        except (HTTPError, OSError, ValueError) as error:
            raise _explain(error, target) from error

    def _pool(self, target: Target) -> urllib3.PoolManager:
        trust = (
            f"{target.verify_ssl_certificates}\n{target.pinned_certificate_sha256}\n"
            f"{target.ca_certificate}"
        )
        key = hashlib.sha256(trust.encode()).hexdigest()
        with self._lock:
            pool = self._pools.pop(key, None) or _make_pool(target)
            self._pools[key] = pool
            while len(self._pools) > POOLS_KEPT:
                self._pools.popitem(last=False)[1].clear()
            return pool

    def close(self) -> None:
        """Closes every idle connection."""
        with self._lock:
            for pool in self._pools.values():
                pool.clear()
            self._pools.clear()


def _make_pool(target: Target) -> urllib3.PoolManager:
    try:
        context = ssl.create_default_context(cadata=target.ca_certificate or None)
    except ssl.SSLError as error:
        raise PeerUnavailableError("tls", "the CA certificate cannot be read") from error
    pin = target.pinned_certificate_sha256
    if not target.verify_ssl_certificates:
        if not pin:
            raise PeerUnavailableError("tls", "verification is off and no certificate is pinned")
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return urllib3.PoolManager(
        maxsize=CONNECTIONS_PER_POOL,
        block=False,
        ssl_context=context,
        assert_fingerprint=pin or None,
    )


def _read(response: urllib3.BaseHTTPResponse, max_bytes: int) -> Answer:
    pieces: list[bytes] = []
    size = 0
    while piece := response.read(_READ_BYTES):
        pieces.append(piece)
        size += len(piece)
        if size > max_bytes:
            response.close()
            raise PeerUnavailableError("too-large", f"the answer is over {max_bytes} bytes")
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status, headers=headers, body=b"".join(pieces))


def _explain(error: Exception, target: Target) -> PeerUnavailableError:
    """Says in an operator's words why there was no answer."""
    cause = error.reason if isinstance(error, MaxRetryError) and error.reason else error
    host = urllib3.util.parse_url(target.url).host or "the peer"
    if isinstance(cause, NameResolutionError):
        return PeerUnavailableError("name", f"the name {host} cannot be resolved")
    if isinstance(cause, SSLError | ssl.SSLError):
        return PeerUnavailableError("tls", f"the TLS certificate of {host} was refused: {cause}")
    if isinstance(cause, NewConnectionError | ConnectionRefusedError):
        return PeerUnavailableError("connection", f"no connection to {host}: {cause}")
    if isinstance(cause, ConnectTimeoutError):
        return PeerUnavailableError("timeout", f"connecting to {host} took too long")
    if isinstance(cause, ReadTimeoutError | TimeoutError):
        return PeerUnavailableError("timeout", f"{host} did not answer in time")
    return PeerUnavailableError("broken", f"the exchange with {host} broke off: {cause}")
