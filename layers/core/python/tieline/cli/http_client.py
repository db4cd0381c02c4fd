"""A running workspace, reached through its REST interface."""

from __future__ import annotations

import ssl
from urllib.parse import urlencode, urlsplit

import urllib3

from tieline.cli.client import BASE_PATH, Body, Query, read_answer, write_body
from tieline.config import ClientSettings
from tieline.errors import PeerUnavailableError, SettingsError
from tieline.protocol.config_check import is_loopback
from tieline.protocol.values import Json

CONNECT_TIMEOUT_SECONDS = 10.0
READ_TIMEOUT_SECONDS = 60.0
"""Trying a link is the slowest request: one post, which has half of this time."""


class HttpClient:
    """The `Client` over HTTP."""

    def __init__(self, settings: ClientSettings) -> None:
        """Prepares the connection; nothing is sent yet.

        Raises:
            SettingsError: the address or the file of authorities cannot be used.
        """
        self._base = _check_url(settings.url) + BASE_PATH
        self._headers = {"Accept": "application/json"}
        if settings.token:
            self._headers["Authorization"] = f"Bearer {_check_token(settings.token)}"
        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT_SECONDS, read=READ_TIMEOUT_SECONDS)
        self._pool = urllib3.PoolManager(ssl_context=_trust(settings), timeout=timeout)

    def request(
        self, method: str, path: str, query: Query | None = None, body: Body | None = None
    ) -> Json:
        """Sends one request; see `Client`."""
        url = self._base + path + (f"?{urlencode(query)}" if query else "")
        headers = dict(self._headers)
        raw = write_body(body)
        if raw:
            headers["Content-Type"] = "application/json"
        try:
            answer = self._pool.request(
                method, url, headers=headers, body=raw or None, redirect=False, retries=False
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            base = self._base.removesuffix(BASE_PATH)
            raise PeerUnavailableError(
                "connection", f"{base} cannot be reached: {_explain(error)}"
            ) from error
        return read_answer(answer.status, answer.data)

    def wake(self) -> bool:
        """Tells that a host runs: it is the one that answers."""
        return True

    def close(self) -> None:
        """Closes idle connections."""
        self._pool.clear()


def _explain(error: Exception) -> str:
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return "the name cannot be resolved"
    if isinstance(error, urllib3.exceptions.SSLError):
        return f"its TLS certificate was refused ({error}); --ca-file names authorities to trust"
    # Before the timeout, of which the library makes it a kind.
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        cause = error.__cause__
        return (cause.strerror if isinstance(cause, OSError) else None) or "no connection"
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return "connecting took too long"
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "it did not answer in time"
    return str(error)


def _check_url(url: str) -> str:
    base = url.rstrip("/").removesuffix(BASE_PATH)
    try:
        parts = urlsplit(base)
        host = parts.hostname
    except ValueError as error:
        raise SettingsError("TIELINE_URL (--url): is not a URL") from error
    if parts.scheme not in ("https", "http") or not host or "?" in base or "#" in base:
        raise SettingsError("TIELINE_URL (--url): must look like https://workspace.example")
    if parts.username is not None:
        raise SettingsError("TIELINE_URL (--url): must not hold a user; give a token instead")
    if parts.scheme == "http" and not is_loopback(host):
        raise SettingsError(
            "TIELINE_URL (--url): must begin with https://, or the token could be read on its "
            "way; http:// is for this very machine only"
        )
    return base


def _check_token(token: str) -> str:
    if not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError("TIELINE_TOKEN (--token): is not a token; copy it again, whole")
    return token


def _trust(settings: ClientSettings) -> ssl.SSLContext:
    path = settings.ca_file
    try:
        return ssl.create_default_context(cafile=str(path.expanduser()) if path else None)
    except ssl.SSLError as error:
        raise SettingsError(f"TIELINE_CA_FILE (--ca-file): {path} holds no certificate") from error
    except OSError as error:
        problem = f"TIELINE_CA_FILE (--ca-file): {path} cannot be read: {error.strerror}"
        raise SettingsError(problem) from error
