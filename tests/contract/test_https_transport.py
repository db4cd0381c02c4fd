"""What the HTTPS transport promises: trust, caps, no redirects, kept connections, plain words."""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from tieline.adapters.https_transport import HttpsTransport
from tieline.errors import PeerUnavailableError
from tieline.ports import Target

Answerer = Callable[[BaseHTTPRequestHandler], None]


class Peer:
    """A server of the test; `answer` says what it does with a request."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.connections = 0
        self.answer: Answerer = lambda handler: reply(handler, 200, b"{}")
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                peer.connections += 1
                super().setup()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                peer.requests.append(({k.lower(): v for k, v in self.headers.items()}, body))
                peer.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: object) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self.server.server_address[1]}/sync"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def reply(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def transport() -> Iterator[HttpsTransport]:
    opened = HttpsTransport()
    yield opened
    opened.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    running = Peer()
    yield running
    running.close()


@pytest.fixture
def tls_peer(authority: trustme.CA) -> Iterator[Peer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    running = Peer(context)
    yield running
    running.close()


def post(transport: HttpsTransport, target: Target, **options: float) -> bytes:
    answer = transport.post(
        target,
        {"content-type": "application/json", "x-a": "1"},
        b'{"n":1}',
        timeout_seconds=options.get("timeout", 5.0),
        max_answer_bytes=int(options.get("cap", 1000)),
    )
    return answer.body


def refusal(transport: HttpsTransport, target: Target, **options: float) -> PeerUnavailableError:
    with pytest.raises(PeerUnavailableError) as caught:
        post(transport, target, **options)
    return caught.value


def test_post_arrives_with_its_headers_and_body(transport: HttpsTransport, peer: Peer) -> None:
    assert post(transport, Target(url=peer.url)) == b"{}"
    headers, body = peer.requests[0]
    assert (headers["content-type"], headers["x-a"], body) == ("application/json", "1", b'{"n":1}')


def test_answer_has_lower_case_header_names(transport: HttpsTransport, peer: Peer) -> None:
    peer.answer = lambda handler: reply(handler, 409, b"no", Signature="s")
    answer = transport.post(Target(url=peer.url), {}, b"", timeout_seconds=5, max_answer_bytes=100)
    assert (answer.status, answer.headers["signature"], answer.body) == (409, "s", b"no")


def test_connection_is_kept_between_posts(transport: HttpsTransport, peer: Peer) -> None:
    for _ in range(5):
        post(transport, Target(url=peer.url))
    assert (len(peer.requests), peer.connections) == (5, 1)


def test_redirect_is_not_followed(transport: HttpsTransport, peer: Peer) -> None:
    peer.answer = lambda handler: reply(handler, 307, b"", Location=peer.url + "/elsewhere")
    answer = transport.post(Target(url=peer.url), {}, b"x", timeout_seconds=5, max_answer_bytes=100)
    assert answer.status == 307
    assert len(peer.requests) == 1


def test_answer_over_the_cap_is_not_read_to_its_end(transport: HttpsTransport, peer: Peer) -> None:
    peer.answer = lambda handler: reply(handler, 200, b"x" * 10_000_000)
    assert refusal(transport, Target(url=peer.url), cap=1000).reason == "too-large"


def test_peer_that_never_answers_is_a_timeout(transport: HttpsTransport, peer: Peer) -> None:
    done = threading.Event()

    def say_nothing(handler: BaseHTTPRequestHandler) -> None:
        done.wait(10)

    peer.answer = say_nothing
    error = refusal(transport, Target(url=peer.url), timeout=0.2)
    done.set()
    assert error.reason == "timeout"


def test_peer_that_hangs_up_is_broken(transport: HttpsTransport, peer: Peer) -> None:
    peer.answer = lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)
    assert refusal(transport, Target(url=peer.url)).reason == "broken"


def test_closed_port_is_a_refused_connection(transport: HttpsTransport, peer: Peer) -> None:
    peer.close()
    error = refusal(transport, Target(url=peer.url))
    assert error.reason == "connection"
    assert "127.0.0.1" in str(error)


def test_unknown_name_says_that_it_cannot_be_resolved(transport: HttpsTransport) -> None:
    error = refusal(transport, Target(url="https://nowhere.invalid/sync"))
    assert error.reason == "name"
    assert "nowhere.invalid cannot be resolved" in str(error)


def test_certificate_of_a_private_authority_needs_that_authority(
    transport: HttpsTransport, tls_peer: Peer, authority: trustme.CA
) -> None:
    pem = authority.cert_pem.bytes().decode()
    assert refusal(transport, Target(url=tls_peer.url)).reason == "tls"
    assert post(transport, Target(url=tls_peer.url, ca_certificate=pem)) == b"{}"
    other = trustme.CA().cert_pem.bytes().decode()
    assert refusal(transport, Target(url=tls_peer.url, ca_certificate=other)).reason == "tls"
    assert len(tls_peer.requests) == 1


def test_certificate_for_another_name_is_refused(
    transport: HttpsTransport, authority: trustme.CA
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example").configure_cert(context)
    wrong = Peer(context)
    pem = authority.cert_pem.bytes().decode()
    assert refusal(transport, Target(url=wrong.url, ca_certificate=pem)).reason == "tls"
    wrong.close()


def test_without_verification_the_pinned_certificate_counts(
    transport: HttpsTransport, tls_peer: Peer
) -> None:
    port = tls_peer.server.server_address[1]
    pem = ssl.get_server_certificate(("127.0.0.1", port))
    pin = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()

    def target(sha256: str) -> Target:
        return Target(
            url=tls_peer.url, verify_ssl_certificates=False, pinned_certificate_sha256=sha256
        )

    assert post(transport, target(pin)) == b"{}"
    assert refusal(transport, target("0" * 64)).reason == "tls"
    assert refusal(transport, target("")).reason == "tls"


def test_ca_certificate_that_is_none_is_said_to_be_unreadable(transport: HttpsTransport) -> None:
    target = Target(url="https://127.0.0.1:1/sync", ca_certificate="nonsense")
    assert refusal(transport, target).reason == "tls"
