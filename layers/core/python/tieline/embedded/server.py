"""The web server of the embedded host: peers' posts and the REST interface on one port."""

from __future__ import annotations

import asyncio
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from tieline.api.app import handle_event
from tieline.embedded.bridge import from_result, to_event
from tieline.embedded.sync_endpoint import (
    Message,
    Receive,
    Send,
    SyncEndpoint,
    read_body,
    send_unverified,
)
from tieline.errors import SettingsError, TooLargeError
from tieline.operations.workspace import Workspace

logger = logging.getLogger(__name__)

SYNC_PATH = "/api/latest/sync_config/{name}/sync"
KEEP_ALIVE_SECONDS = 75
"""Above the 60 s after which a link with nothing to say posts again."""
DRAIN_SECONDS = 5
LINGER_SECONDS = 0.3
"""From an answer to the end of its connection: time for its last bytes to leave."""
API_BODY_BYTES = 1024 * 1024
"""What `api` accepts, and one byte more tells it that there was more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Where to listen. Without a certificate it is plain HTTP, for loopback or behind a proxy."""

    host: str
    port: int
    certificate_file: Path | None = None
    key_file: Path | None = None


class _Sync:
    """Hands posts to the sync endpoint."""

    def __init__(self, endpoint: SyncEndpoint) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        await self._endpoint.answer(scope, receive, send, scope["path_params"]["name"])


class _Rest:
    """Bridges requests to the REST routers, which every host shares."""

    def __init__(self, workspace: Workspace, threads: ThreadPoolExecutor) -> None:
        self._workspace = workspace
        self._threads = threads

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        try:
            body = await read_body(scope, receive, 2 * API_BODY_BYTES)
        except TooLargeError as error:
            await send_unverified(send, error)
            return
        event = to_event(
            scope["method"],
            scope.get("raw_path", scope["path"].encode()).decode("latin-1"),
            scope["query_string"],
            scope["headers"],
            body,
            scope["client"][0] if scope.get("client") else "",
        )
        result = await asyncio.get_running_loop().run_in_executor(
            self._threads, handle_event, self._workspace, event
        )
        status, headers, content = from_result(result)
        headers.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})


class WebServer:
    """uvicorn with the two applications; `run` blocks until `stop`."""

    def __init__(
        self,
        workspace: Workspace,
        endpoint: SyncEndpoint,
        threads: ThreadPoolExecutor,
        listen: Listen,
    ) -> None:
        self._endpoint = endpoint
        app = Starlette(
            routes=[
                Route(SYNC_PATH, _Sync(endpoint), methods=["POST"]),
                Route("/{path:path}", _Rest(workspace, threads)),
            ]
        )
        settings: dict[str, Any] = {
            "http": "httptools",
            "loop": "asyncio",
            "lifespan": "off",
            "log_config": None,
            "access_log": False,
            "server_header": False,
            "date_header": False,
            "timeout_keep_alive": KEEP_ALIVE_SECONDS,
            "timeout_graceful_shutdown": DRAIN_SECONDS,
        }
        if listen.certificate_file:
            settings["ssl_certfile"] = str(listen.certificate_file)
            settings["ssl_keyfile"] = str(listen.key_file) if listen.key_file else None
        self._server = _Server(uvicorn.Config(app, **settings), endpoint)
        self._socket = _bind(listen)
        scheme = "https" if listen.certificate_file else "http"
        host, port = self._socket.getsockname()[:2]
        self.url = f"{scheme}://{host}:{port}"

    def run(self) -> None:
        """Serves until `stop`; posts under way are answered first."""
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def stop(self) -> None:
        """Ends `run`; may be called from any thread or a signal handler."""
        self._server.ask_to_stop()


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to the host, wakes for work only, and releases held replies."""

    def __init__(self, config: uvicorn.Config, endpoint: SyncEndpoint) -> None:
        super().__init__(config)
        self._endpoint = endpoint
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked = asyncio.Event()

    def ask_to_stop(self) -> None:
        """Ends `serve`; may be called from any thread or a signal handler, and before it began."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._asked.set)

    async def main_loop(self) -> None:
        """Waits to be stopped, in place of looking ten times a second."""
        self._loop = asyncio.get_running_loop()
        if not self.should_exit:
            await self._asked.wait()

    def capture_signals(self) -> Any:
        """Leaves signals to the host, which stops more than the server."""
        return nullcontext()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Releases held replies, then drains."""
        self._endpoint.stop()
        closing = asyncio.ensure_future(self._close_idle())
        try:
            await super().shutdown(sockets)
        finally:
            closing.cancel()

    async def _close_idle(self) -> None:
        """Cuts connections on which nothing is left to answer.

        Over TLS a peer that is idle does not notice the polite end of a connection, so waiting
        for its consent would take all of `DRAIN_SECONDS`.
        """
        while True:
            await asyncio.sleep(LINGER_SECONDS)
            for connection in list(self.server_state.connections):
                cycle = getattr(connection, "cycle", None)
                is_answered = cycle is None or cycle.response_complete
                if is_answered and not connection.transport.get_write_buffer_size():
                    connection.transport.abort()


def _bind(listen: Listen) -> socket.socket:
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    # Named TCP, because asyncio turns Nagle's algorithm off only for sockets that are; with it,
    # every reply would wait for the dialler's delayed ACK, about 40 ms.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((listen.host, listen.port))
        bound.listen(128)
    except OSError as error:
        bound.close()
        message = f"cannot listen on {listen.host}:{listen.port}: {error.strerror}"
        raise SettingsError(message) from error
    return bound
