"""What a stranger, or a peer that talks nonsense, gets from the sync endpoint."""

from __future__ import annotations

import json
from typing import Any

import pytest

from system.conftest import Pair
from system.raw_peer import RawAnswer, RawPeer
from system.site import Site

CAP_BYTES = 1024 * 1024
HARD_CAP_BYTES = 4 * 1024 * 1024


@pytest.fixture(scope="module")
def peer(pair: Pair) -> RawPeer:
    """A third workspace linked to the cloud, played by the test."""
    pair.cloud.link("plant", control="incoming")
    return RawPeer(pair.cloud.url, pair.ca, owner="plant", receiver="cloud")


def _envelope(peer: RawPeer, **fields: Any) -> bytes:
    body = {
        "v": 1,
        "link": peer.owner,
        "from": peer.key_id(peer.owner),
        "to": peer.key_id(peer.receiver),
        "epoch": 1,
        "s": 1,
        "seen": 0,
        "instance": "by-hand",
        "n": 1,
        **fields,
    }
    return json.dumps(body).encode()


def _unverified(peer: RawPeer) -> dict[str, RawAnswer]:
    """Posts that fail at or before their signature, each in its own way."""
    body = _envelope(peer)
    good, _ = peer.sign(body)
    stranger = RawPeer(peer.url, peer.ca, owner="stranger", receiver="cloud")
    strange, _ = stranger.sign(body)
    elsewhere, _ = RawPeer(peer.url, peer.ca, owner="plant", receiver="on-prem").sign(body)
    unknown = "/api/latest/sync_config/no-such-config/sync"
    tampered = body.replace(b'"n": 1', b'"n": 2')
    return {
        "garbage": peer.post(b"\x00\xff garbage", {"content-type": "text/plain"}),
        "empty": peer.post(b""),
        "unsigned": peer.post(body, {"content-type": "application/json"}),
        "unknown config": peer.post(body, good, unknown),
        "unknown config, unsigned": peer.post(body, path=unknown),
        "another link's config": peer.post(body, good, "/api/latest/sync_config/on-prem/sync"),
        "stranger's key": peer.post(body, strange),
        "another receiver": peer.post(body, elsewhere),
        "changed body": peer.post(tampered, good),
        "another content type": peer.post(body, {**good, "content-type": "text/plain"}),
        "damaged signature": peer.post(body, {**good, "signature": "tieline=:AAAA:"}),
    }


def test_whatever_fails_before_the_signature_gets_one_answer_byte_for_byte(peer: RawPeer) -> None:
    answers = _unverified(peer)
    assert {each.body for each in answers.values()} == {b'{"code":"unauthorized"}'}
    assert len({each.head for each in answers.values()}) == 1, answers
    answer = answers["garbage"]
    assert answer.status == 401
    assert "signature" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_not_served_at_the_sync_path(peer: RawPeer, method: str) -> None:
    assert peer.send(method, peer.path, {}).status in (404, 405)


def test_body_over_the_links_cap_is_413_and_the_connection_is_closed(peer: RawPeer) -> None:
    body = _envelope(peer, padding="x" * CAP_BYTES)
    headers, _ = peer.sign(body)
    answer = peer.post(body, headers)
    assert (answer.status, answer.json, answer.is_closed) == (413, {"code": "too-large"}, True)


def test_body_that_declares_more_than_any_cap_is_refused_unread(peer: RawPeer) -> None:
    answer = peer.post(b"", {"content-length": str(HARD_CAP_BYTES + 1)})
    assert (answer.status, answer.json, answer.is_closed) == (413, {"code": "too-large"}, True)


def test_endless_body_without_a_length_is_refused_when_it_meets_the_cap(peer: RawPeer) -> None:
    chunk = b"100000\r\n" + bytes(0x100000) + b"\r\n"
    endless = chunk * 4 + b"1\r\nx\r\n"  # one byte over, and no end
    answer = peer.send("POST", peer.path, {"transfer-encoding": "chunked"}, endless)
    assert (answer.status, answer.json, answer.is_closed) == (413, {"code": "too-large"}, True)


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"\xff\xfe", b'{"v": 1}', b"[" * 100_000, b'{"v": 1, "n": NaN}', b'"text"'],
)
def test_signed_post_that_cannot_be_read_gets_a_signed_400(peer: RawPeer, body: bytes) -> None:
    headers, signed = peer.sign(body)
    answer = peer.post(body, headers)
    assert (answer.status, answer.json["code"]) == (400, "malformed")
    peer.verify(answer, signed)


@pytest.mark.parametrize("version", [0, 2, "1", None, 10**30])
def test_signed_post_of_another_version_gets_a_signed_426(peer: RawPeer, version: object) -> None:
    body = _envelope(peer, v=version)
    headers, signed = peer.sign(body)
    answer = peer.post(body, headers)
    assert (answer.status, answer.json["code"]) == (426, "incompatible")
    peer.verify(answer, signed)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"link": "on-prem"}, "link: "),
        ({"from": "somebody"}, "from, to: "),
        ({"to": "somebody"}, "from, to: "),
        ({"n": -1}, "n"),
        ({"records": {}}, "records"),
    ],
)
def test_signed_post_with_a_wrong_field_gets_a_signed_400_that_names_it(
    peer: RawPeer, fields: dict[str, Any], words: str
) -> None:
    body = _envelope(peer, **fields)
    headers, signed = peer.sign(body)
    answer = peer.post(body, headers)
    assert (answer.status, answer.json["code"]) == (400, "malformed")
    assert words in answer.json["message"]
    peer.verify(answer, signed)


def test_repeated_post_gets_a_signed_409(peer: RawPeer) -> None:
    body = _envelope(peer, n=2**50, s=2**50)
    headers, signed = peer.sign(body)
    assert peer.post(body, headers).status == 200
    answer = peer.post(body, headers)
    assert (answer.status, answer.json["code"]) == (409, "stale")
    peer.verify(answer, signed)


def test_cloud_still_serves_its_good_peer(cloud: Site, on_prem: Site, peer: RawPeer) -> None:
    peer.post(b"garbage")
    on_prem.add_flow("fine", "def handler(system, this):\n    return 'fine'\n")
    assert cloud.ended(cloud.begin("fine", "on-prem"))["output_value"] == "fine"
