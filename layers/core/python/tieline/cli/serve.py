"""`tieline serve`: the workspace with its web server."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Annotated

import typer

from tieline.bootstrap import check_directory
from tieline.cli.command import command, new_command
from tieline.cli.hosting import stop_on_signals
from tieline.cli.logs import set_up_logs
from tieline.cli.printing import note, say
from tieline.cli.session import Session
from tieline.config import EmbeddedSettings
from tieline.embedded.host import EmbeddedHost
from tieline.embedded.server import Listen, WebServer
from tieline.errors import SettingsError
from tieline.protocol.config_check import is_loopback
from tieline.protocol.values import JsonObject

app = new_command()

Host = Annotated[str, typer.Option(help="Address to listen on (TIELINE_HOST; 127.0.0.1)")]
Port = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Port to listen on (TIELINE_PORT; 8420)")
]
Certificate = Annotated[
    str, typer.Option(metavar="FILE", help="Certificate chain (PEM); TIELINE_TLS_CERTIFICATE_FILE")
]
Key = Annotated[
    str, typer.Option(metavar="FILE", help="Private key (PEM) of it; TIELINE_TLS_KEY_FILE")
]


@command(
    app,
    "serve",
    "serve --port 8420",
    "serve --host 0.0.0.0 --port 443 --tls-cert chain.pem --tls-key key.pem",
    name="serve",
)
def serve(
    session: Session,
    host: Host = "",
    port: Port = None,
    tls_cert: Certificate = "",
    tls_key: Key = "",
) -> None:
    """Runs the workspace: flows, links, the REST interface and the posts of other workspaces."""
    settings = session.settings
    listen = _listen(settings, host, port, tls_cert, tls_key)
    check_directory(settings)
    set_up_logs(settings.log_level)
    running = EmbeddedHost(settings)
    running.start()
    try:
        server = WebServer(running.workspace, running.endpoint, running.threads, listen)
        stop_on_signals(server.stop)
        name = running.workspace.name
        started: JsonObject = {"name": name, "url": server.url, "process_id": os.getpid()}
        session.show(started, lambda: _greet(name, server.url))
        if exposure_warning(listen):
            note(exposure_warning(listen))
        server.run()
    finally:
        running.stop()


def _listen(
    settings: EmbeddedSettings, host: str, port: int | None, tls_cert: str, tls_key: str
) -> Listen:
    certificate = Path(tls_cert) if tls_cert else settings.tls_certificate_file
    key = Path(tls_key) if tls_key else settings.tls_key_file
    if (certificate is None) != (key is None):
        raise SettingsError(
            "--tls-cert and --tls-key (TIELINE_TLS_CERTIFICATE_FILE, TIELINE_TLS_KEY_FILE): give "
            "both for HTTPS, or none"
        )
    if certificate is not None and key is not None:
        certificate, key = certificate.expanduser(), key.expanduser()
        _check_certificate(certificate, key)
    return Listen(
        host=host or settings.host,
        port=settings.port if port is None else port,
        certificate_file=certificate,
        key_file=key,
    )


def _check_certificate(certificate: Path, key: Path) -> None:
    for path in (certificate, key):
        try:
            path.read_bytes()
        except OSError as error:
            raise SettingsError(f"TLS: {path} cannot be read: {error.strerror}") from error
    try:
        # The empty password keeps the library from asking for one on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise SettingsError(
            f"TLS: {certificate} and {key} are not a PEM certificate and its private key without "
            "a password"
        ) from error


def exposure_warning(listen: Listen) -> str:
    """Gives what is risky about where the server listens; empty when nothing is."""
    if listen.certificate_file is not None or is_loopback(listen.host):
        return ""
    return (
        "warning: this is plain HTTP and others can reach it: tokens can be read on their way. "
        "Put a proxy with TLS before it, or give --tls-cert and --tls-key."
    )


def _greet(name: str, url: str) -> None:
    say(f"workspace {name} is at {url}")
    say(f"stop it with Ctrl-C or `kill {os.getpid()}`; a second time stops it at once")
