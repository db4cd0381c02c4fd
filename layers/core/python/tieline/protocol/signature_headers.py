"""The headers of a signed post or reply: written, and read without believing them.

One spelling exists for every value. What differs from it by one byte, or is there twice, is
refused before any cryptography is done. Header names are lower case here.

Source: docs/protocol.md §2 rules 1 and 3; RFC 9421 §4, RFC 9530 §2.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tieline.errors import SignatureError

CONTENT_TYPE = "application/json"
LABEL = "tieline"
ALGORITHM = "rsa-pss-sha512"
"""RFC 9421 §3.3.1; compared, never used to choose code."""

_NAMES = frozenset({"content-type", "content-digest", "tieline-to", "signature-input", "signature"})

# Of 16 bytes two bits are left for the last character, so only four characters can be there;
# others would be second spellings. Thumbprints need no such care: they are looked up as text.
_NONCE = "[A-Za-z0-9_-]{21}[AQgw]"
_THUMBPRINT = "[A-Za-z0-9_-]{43}"
# 15 digits: the most that a Structured Fields integer can have (RFC 9651 §3.3.1).
_SECONDS = "[1-9][0-9]{0,14}"

_THUMBPRINT_PATTERN = re.compile(_THUMBPRINT)
_DIGEST_PATTERN = re.compile("sha-256=:[A-Za-z0-9+/]{43}=:")
# 342 and 683 characters: 256 bytes (2048 bit) and 512 bytes (4096 bit) in base64.
_SIGNATURE_PATTERN = re.compile(f"{LABEL}=:([A-Za-z0-9+/]{{342,683}}={{0,2}}):")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What a signature says; a reply is bound to its request's. Times are Unix seconds.

    `tieline_to` and `key_id` are thumbprints: of the recipient's key and of the signer's.
    """

    content_digest: str
    tieline_to: str
    key_id: str
    created: int
    expires: int
    nonce: str


@dataclass(frozen=True, slots=True)
class Profile:
    """What a signature covers and what it is for; the tag keeps one from passing as another."""

    components: str
    tag: str

    def write_parameters(self, signed: Signed) -> str:
        """Gives the value of `@signature-params`."""
        return self._fill(str(signed.created), str(signed.expires), signed.nonce, signed.key_id)

    def pattern(self) -> re.Pattern[str]:
        """Gives what `signature-input` must match from its first to its last byte."""
        escaped = Profile(re.escape(self.components), re.escape(self.tag))
        holes = [f"({hole})" for hole in (_SECONDS, _SECONDS, _NONCE, _THUMBPRINT)]
        return re.compile(f"{LABEL}=({escaped._fill(*holes)})")

    def _fill(self, created: str, expires: str, nonce: str, key_id: str) -> str:
        return (
            f'{self.components};created={created};expires={expires};nonce="{nonce}"'
            f';keyid="{key_id}";alg="{ALGORITHM}";tag="{self.tag}"'
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """What the headers of a message say, before anything of it is believed.

    `parameters` is the value of `@signature-params` as received.
    """

    signed: Signed
    parameters: str
    signature: bytes


def write_headers(signed: Signed, parameters: str, signature: bytes) -> dict[str, str]:
    """Gives all the headers that a signed message has, its content type included."""
    return {
        "content-type": CONTENT_TYPE,
        "content-digest": signed.content_digest,
        "tieline-to": signed.tieline_to,
        "signature-input": f"{LABEL}={parameters}",
        "signature": f"{LABEL}=:{encode_base64(signature)}:",
    }


def read_claim(headers: Iterable[tuple[str, str]], pattern: re.Pattern[str]) -> Claim:
    """Gives what the headers claim; headers that are not of a signed message are ignored.

    Args:
        pattern: of the profile that the message must have (`Profile.pattern`).

    Raises:
        SignatureError: a header is missing or there twice, or not exactly the profile.
    """
    fields = _pick_headers(headers)
    if fields["content-type"] != CONTENT_TYPE:
        raise SignatureError(f"content-type is not {CONTENT_TYPE}")
    if _DIGEST_PATTERN.fullmatch(fields["content-digest"]) is None:
        raise SignatureError("content-digest is not one SHA-256 digest")
    if _THUMBPRINT_PATTERN.fullmatch(fields["tieline-to"]) is None:
        raise SignatureError("tieline-to is not a thumbprint")
    match = pattern.fullmatch(fields["signature-input"])
    if match is None:
        raise SignatureError("signature-input differs from the profile")
    parameters, created, expires, nonce, key_id = match.groups()
    signed = Signed(
        content_digest=fields["content-digest"],
        tieline_to=fields["tieline-to"],
        key_id=key_id,
        created=int(created),
        expires=int(expires),
        nonce=nonce,
    )
    return Claim(signed, parameters, _decode_signature(fields["signature"]))


def encode_base64(data: bytes) -> str:
    """Gives padded base64 of the standard alphabet."""
    return base64.b64encode(data).decode("ascii")


def _pick_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        if lower not in _NAMES:
            continue
        if lower in found:
            raise SignatureError(f"{lower} is there more than once")
        found[lower] = value
    if len(found) != len(_NAMES):
        raise SignatureError(f"missing: {', '.join(sorted(_NAMES - found.keys()))}")
    return found


def _decode_signature(header: str) -> bytes:
    match = _SIGNATURE_PATTERN.fullmatch(header)
    if match is None:
        raise SignatureError("signature differs from the profile")
    try:
        signature = base64.b64decode(match[1], validate=True)
    except binascii.Error as error:
        raise SignatureError("signature is not base64") from error
    # The bits left over in the last character are not looked at by the decoder.
    if encode_base64(signature) != match[1]:
        raise SignatureError("signature is not written in the one canonical way")
    return signature
