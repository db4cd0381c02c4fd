"""Two parties with keys, signed messages of theirs, and messages signed by hand.

`sign_by_hand` shares no code with what is tested. It makes messages whose signature is good though
they differ from the profile, so that a refusal is due to the profile alone.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from hypothesis import strategies
from hypothesis.strategies import DataObject

from tieline.protocol import keys, signing

NOW = 1_800_000_000
NONCE = signing.make_nonce(bytes(range(16)))
BODY = b'{"v":1,"n":17,"records":[]}'
REPLY_BODY = b'{"v":1,"re":17,"ack":[]}'

REQUEST_COMPONENTS = '("@method" "content-type" "content-digest" "tieline-to")'
REPLY_COMPONENTS = (
    '("@status" "content-type" "content-digest" "tieline-to"'
    ' "@method";req "content-digest";req "tieline-to";req)'
)
HEADER_NAMES = ["content-type", "content-digest", "tieline-to", "signature-input", "signature"]
PSS_64 = padding.PSS(mgf=padding.MGF1(hashes.SHA512()), salt_length=64)

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Party:
    """A workspace as far as signing goes."""

    key: RSAPrivateKey
    key_id: str

    @property
    def public(self) -> RSAPublicKey:
        return self.key.public_key()

    @property
    def accepted(self) -> dict[str, RSAPublicKey]:
        """The accept set of a link to this party."""
        return {self.key_id: self.public}


def party(name: str, bits: int = 2048) -> Party:
    """Gives the party of that name, always the same one within a test run."""
    return _make_party(name, bits)


@cache
def _make_party(name: str, bits: int) -> Party:
    key = keys.load_private_key(keys.generate_private_key(bits))
    return Party(key, keys.thumbprint(key.public_key()))


def signed_request(
    body: bytes = BODY, *, sender: str = "cloud", receiver: str = "factory", bits: int = 2048
) -> tuple[Headers, signing.Signed]:
    """Gives a good request from `sender` to `receiver`."""
    headers, signed = signing.sign_request(
        body,
        key=party(sender, bits).key,
        key_id=party(sender, bits).key_id,
        to=party(receiver, bits).key_id,
        created=NOW,
        nonce=NONCE,
    )
    return list(headers.items()), signed


def signed_reply(request: signing.Signed, *, status: int = 200) -> dict[str, str]:
    """Gives a good reply from the factory to the cloud."""
    return signing.sign_reply(
        status,
        REPLY_BODY,
        request=request,
        key=party("factory").key,
        key_id=party("factory").key_id,
        to=party("cloud").key_id,
        created=NOW,
        nonce=NONCE,
    )


def verify_at_factory(headers: Headers, body: bytes = BODY) -> signing.Signed:
    """Verifies a request as the factory does, which accepts the cloud."""
    return signing.verify_request(
        headers, body, accept=party("cloud").accepted, own={party("factory").key_id}
    )


def verify_at_cloud(
    headers: Mapping[str, str],
    request: signing.Signed,
    *,
    status: int = 200,
    body: bytes = REPLY_BODY,
) -> signing.Signed:
    """Verifies a reply as the cloud does, which accepts the factory."""
    return signing.verify_reply(
        status,
        headers,
        body,
        request=request,
        accept=party("factory").accepted,
        own={party("cloud").key_id},
    )


def replace_header(headers: Headers, name: str, value: str) -> Headers:
    """Gives the same headers with another value for one of them."""
    return [(key, value if key == name else old) for key, old in headers]


def write_parameters(
    components: str = REQUEST_COMPONENTS, tag: str = "tieline-request-v1", sender: str = "cloud"
) -> str:
    """Gives `@signature-params` as PROTOCOL 2 spells it; tests edit the text."""
    return (
        f'{components};created={NOW};expires={NOW + 300};nonce="{NONCE}"'
        f';keyid="{party(sender).key_id}";alg="rsa-pss-sha512";tag="{tag}"'
    )


def sign_by_hand(
    parameters: str,
    values: Mapping[str, str] | None = None,
    *,
    pad: padding.AsymmetricPadding = PSS_64,
    algorithm: hashes.HashAlgorithm | None = None,
    fields: Mapping[str, str] | None = None,
    label: str = "tieline",
) -> Headers:
    """Gives request headers with the cloud's good signature over whatever `parameters` lists.

    `values` adds or replaces values of components, `fields` header fields.
    """
    digest = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    sent = {
        "content-type": "application/json",
        "content-digest": f"sha-256=:{digest}:",
        "tieline-to": party("factory").key_id,
        **(fields or {}),
    }
    known = {"@method": "POST", **sent, **(values or {})}
    listed = parameters[1 : parameters.index(")")].split()
    lines = [f"{name}: {known[name.split(';')[0].strip(chr(34))]}" for name in listed]
    base = "\n".join([*lines, f'"@signature-params": {parameters}']).encode()
    signature = party("cloud").key.sign(base, pad, algorithm or hashes.SHA512())
    return [
        *sent.items(),
        ("signature-input", f"{label}={parameters}"),
        ("signature", f"{label}=:{base64.b64encode(signature).decode()}:"),
    ]


def mutate_one_byte(data: DataObject, parts: dict[str, str]) -> None:
    """Replaces one byte of one of the parts by another one; parts are Latin-1."""
    name = data.draw(strategies.sampled_from(list(parts)))
    old = parts[name]
    index = data.draw(strategies.integers(0, len(old) - 1))
    byte = data.draw(strategies.integers(0, 255).filter(lambda byte: byte != ord(old[index])))
    parts[name] = old[:index] + chr(byte) + old[index + 1 :]
