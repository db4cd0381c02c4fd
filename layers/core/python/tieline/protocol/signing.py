"""The one way a post and its reply are signed: a fixed profile of RFC 9421 with RFC 9530.

Nothing is negotiated. A verifier only verifies; what follows from it is decided by its caller.
Time and nonces are arguments. The checks, in this order (the first that fails ends it):

1. each header exactly once, and exactly the profile;
2. `tieline-to` names one of our own keys;
3. `keyid` names a key in the accept set, and none of our own;
4. the digest is that of the body as received;
5. the signature, RSA-PSS with SHA-512 and a salt of 64 bytes.

*Not done here*: the size cap (before), `check_window` (after; the caller answers it in a signed
reply), replay by request number (`operations.receive_post`).

Source: docs/protocol.md §2.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Collection, Mapping, Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from tieline.errors import ClockError, SignatureError
from tieline.protocol.signature_headers import (
    ALGORITHM,
    CONTENT_TYPE,
    LABEL,
    Claim,
    Profile,
    Signed,
    encode_base64,
    read_claim,
    write_headers,
)

__all__ = [
    "ALGORITHM",
    "CONTENT_TYPE",
    "LABEL",
    "LIFETIME_SECONDS",
    "METHOD",
    "NONCE_BYTES",
    "REPLY_TAG",
    "REQUEST_TAG",
    "Signed",
    "check_window",
    "content_digest",
    "make_nonce",
    "sign_reply",
    "sign_request",
    "verify_pss",
    "verify_reply",
    "verify_request",
]

METHOD = "POST"
REQUEST_TAG = "tieline-request-v1"
REPLY_TAG = "tieline-reply-v1"

LIFETIME_SECONDS = 300
"""From `created` to `expires`, and how far `created` may be from the receiver's clock."""

NONCE_BYTES = 16

_HASH = hashes.SHA512()
_PADDING = padding.PSS(mgf=padding.MGF1(hashes.SHA512()), salt_length=64)

_REQUEST = Profile('("@method" "content-type" "content-digest" "tieline-to")', REQUEST_TAG)
_REPLY = Profile(
    '("@status" "content-type" "content-digest" "tieline-to"'
    ' "@method";req "content-digest";req "tieline-to";req)',
    REPLY_TAG,
)
_REQUEST_PATTERN = _REQUEST.pattern()
_REPLY_PATTERN = _REPLY.pattern()


def content_digest(body: bytes) -> str:
    """Gives the Content-Digest header of a body.

    Source: RFC 9530 §2.
    """
    return f"sha-256=:{encode_base64(hashlib.sha256(body).digest())}:"


def make_nonce(random: bytes) -> str:
    """Gives 22 base64url characters for 16 unpredictable bytes."""
    if len(random) != NONCE_BYTES:
        raise ValueError(f"a nonce is made of {NONCE_BYTES} bytes, not {len(random)}")
    return base64.urlsafe_b64encode(random).rstrip(b"=").decode("ascii")


def sign_request(
    body: bytes, *, key: RSAPrivateKey, key_id: str, to: str, created: int, nonce: str
) -> tuple[dict[str, str], Signed]:
    """Gives the headers of a post, and what its reply must be bound to.

    Args:
        key_id: the thumbprint of `key`.
        to: the thumbprint of the recipient's key.
        created: now, in Unix seconds (with the adopted clock offset).
        nonce: from `make_nonce`.
    """
    signed = _make_signed(body, key_id, to, created, nonce)
    parameters = _REQUEST.write_parameters(signed)
    base = _request_base(signed, parameters)
    return write_headers(signed, parameters, _sign_pss(key, base)), signed


def verify_request(
    headers: Sequence[tuple[str, str]],
    body: bytes,
    *,
    accept: Mapping[str, RSAPublicKey],
    own: Collection[str],
    method: str = METHOD,
) -> Signed:
    """Gives what a post's good signature says; the window of time is still to be checked.

    Args:
        headers: as received, each line by itself; other headers are ignored.
        body: the raw bytes as received.
        accept: the link's current and next peer key, by thumbprint.
        own: the thumbprints of our current and next key.

    Raises:
        SignatureError: anything is wrong; the detail is for our log, never for the answer.
    """
    if method != METHOD:
        raise SignatureError("the method is not POST")
    claim = read_claim(headers, _REQUEST_PATTERN)
    _verify(claim, body, _request_base(claim.signed, claim.parameters), accept, own)
    return claim.signed


def check_window(signed: Signed, now: int) -> None:
    """Accepts a signature of these minutes; `now` is in Unix seconds.

    As `expires` must be `created` + 300, "not expired" is the same as "created within 300 s".

    Raises:
        ClockError: created too long ago or too far ahead, or another lifetime.
    """
    if signed.expires != signed.created + LIFETIME_SECONDS:
        raise ClockError(f"expires must be {LIFETIME_SECONDS} s after created")
    ahead = signed.created - now
    if abs(ahead) > LIFETIME_SECONDS:
        side = "ahead of" if ahead > 0 else "behind"
        raise ClockError(f"created {abs(ahead)} s {side} our clock; {LIFETIME_SECONDS} are allowed")


def sign_reply(
    status: int,
    body: bytes,
    *,
    request: Signed,
    key: RSAPrivateKey,
    key_id: str,
    to: str,
    created: int,
    nonce: str,
) -> dict[str, str]:
    """Gives the headers of the answer to a verified request; arguments as in `sign_request`."""
    signed = _make_signed(body, key_id, to, created, nonce)
    parameters = _REPLY.write_parameters(signed)
    base = _reply_base(status, signed, request, parameters)
    return write_headers(signed, parameters, _sign_pss(key, base))


def verify_reply(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    request: Signed,
    accept: Mapping[str, RSAPublicKey],
    own: Collection[str],
) -> Signed:
    """Gives what the good signature of the answer to our `request` says.

    The window of time is left to the caller: a reply that carries the peer's clock may be outside
    it, and the digest of the request, which no other request shares, already makes it fresh.

    Raises:
        SignatureError: anything is wrong, or it answers another request; nothing may change.
    """
    claim = read_claim(headers.items(), _REPLY_PATTERN)
    base = _reply_base(status, claim.signed, request, claim.parameters)
    _verify(claim, body, base, accept, own)
    return claim.signed


def verify_pss(key: RSAPublicKey, signature: bytes, base: bytes) -> bool:
    """Tells whether an `rsa-pss-sha512` signature over a signature base is good."""
    try:
        key.verify(signature, base, _PADDING, _HASH)
    except InvalidSignature:
        return False
    return True


def _make_signed(body: bytes, key_id: str, to: str, created: int, nonce: str) -> Signed:
    return Signed(
        content_digest=content_digest(body),
        tieline_to=to,
        key_id=key_id,
        created=created,
        expires=created + LIFETIME_SECONDS,
        nonce=nonce,
    )


def _request_base(signed: Signed, parameters: str) -> bytes:
    return (
        f'"@method": {METHOD}\n'
        f'"content-type": {CONTENT_TYPE}\n'
        f'"content-digest": {signed.content_digest}\n'
        f'"tieline-to": {signed.tieline_to}\n'
        f'"@signature-params": {parameters}'
    ).encode("ascii")


def _reply_base(status: int, signed: Signed, request: Signed, parameters: str) -> bytes:
    return (
        f'"@status": {status}\n'
        f'"content-type": {CONTENT_TYPE}\n'
        f'"content-digest": {signed.content_digest}\n'
        f'"tieline-to": {signed.tieline_to}\n'
        f'"@method";req: {METHOD}\n'
        f'"content-digest";req: {request.content_digest}\n'
        f'"tieline-to";req: {request.tieline_to}\n'
        f'"@signature-params": {parameters}'
    ).encode("ascii")


def _sign_pss(key: RSAPrivateKey, base: bytes) -> bytes:
    return key.sign(base, _PADDING, _HASH)


def _verify(
    claim: Claim,
    body: bytes,
    base: bytes,
    accept: Mapping[str, RSAPublicKey],
    own: Collection[str],
) -> None:
    signed = claim.signed
    if signed.tieline_to not in own:
        raise SignatureError(f"meant for the key {signed.tieline_to}, which is not ours")
    # Our own key among the peer's would let a message of ours come back as theirs.
    if signed.key_id not in accept or signed.key_id in own:
        raise SignatureError(f"signed by the key {signed.key_id}, which is not accepted")
    if not hmac.compare_digest(content_digest(body), signed.content_digest):
        raise SignatureError("content-digest is not that of the body")
    if not verify_pss(accept[signed.key_id], claim.signature, base):
        raise SignatureError("the signature is wrong")
