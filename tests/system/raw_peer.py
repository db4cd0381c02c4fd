"""A peer made by hand: it signs what the test wants and sees the answer's every byte."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from fakes import private_pem
from tieline.protocol.keys import load_private_key, thumbprint
from tieline.protocol.signing import Signed, make_nonce, sign_request, verify_reply

TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True)
class RawAnswer:
    """`head` is the status line and the headers as they came; `is_closed`: so was the rest."""

    head: str
    body: bytes
    is_closed: bool

    @property
    def status(self) -> int:
        return int(self.head.split(" ", 2)[1])

    @property
    def headers(self) -> dict[str, str]:
        lines = [line.partition(":") for line in self.head.split("\r\n")[1:]]
        return {name.lower(): value.strip() for name, _, value in lines}

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class RawPeer:
    """Talks to one workspace as the owner of one key of `fakes.private_pem`."""

    url: str
    ca: str
    owner: str
    receiver: str

    @property
    def path(self) -> str:
        return f"/api/latest/sync_config/{self.owner}/sync"

    def sign(self, body: bytes) -> tuple[dict[str, str], Signed]:
        """The headers that a good post of this peer has now."""
        return sign_request(
            body,
            key=load_private_key(private_pem(self.owner)),
            key_id=self.key_id(self.owner),
            to=self.key_id(self.receiver),
            created=int(datetime.now(UTC).timestamp()),
            nonce=make_nonce(bytes(range(16))),
        )

    def post(
        self, body: bytes, headers: Mapping[str, str] | None = None, path: str | None = None
    ) -> RawAnswer:
        sent = {"content-length": str(len(body)), **(headers or {})}
        return self.send("POST", path or self.path, sent, body)

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
    ) -> RawAnswer:
        """Sends exactly this and reads one answer."""
        lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        with self._connected() as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            return _read_answer(connection)

    def verify(self, answer: RawAnswer, request: Signed) -> Signed:
        """Gives what the answer's signature says; raises when it is not the receiver's."""
        key = load_private_key(private_pem(self.receiver)).public_key()
        return verify_reply(
            answer.status,
            answer.headers,
            answer.body,
            request=request,
            accept={self.key_id(self.receiver): key},
            own=[self.key_id(self.owner)],
        )

    @staticmethod
    def key_id(owner: str) -> str:
        return thumbprint(load_private_key(private_pem(owner)).public_key())

    @contextmanager
    def _connected(self) -> Iterator[ssl.SSLSocket]:
        parts = urlsplit(self.url)
        context = ssl.create_default_context(cadata=self.ca)
        address = (parts.hostname, parts.port)
        with (
            socket.create_connection(address, TIMEOUT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname) as secured,
        ):
            yield secured


def _read_answer(connection: ssl.SSLSocket) -> RawAnswer:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        assert piece, f"closed after {data!r}"
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    answer = RawAnswer(head.decode(), b"", False)
    length = int(answer.headers["content-length"])
    while len(body) < length:
        body += connection.recv(65536)
    assert len(body) == length
    is_closed = answer.headers.get("connection") == "close" and connection.recv(1) == b""
    return RawAnswer(head.decode(), body, is_closed)
