"""Others agree: an independent library, and the examples of RFC 7638, RFC 9421 and RFC 9530."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    InvalidSignature,
    MappingKeyResolver,
    PreparedSignature,
    algorithms,
)

from signed_messages import (
    BODY,
    REPLY_BODY,
    party,
    signed_reply,
    signed_request,
    verify_at_factory,
    write_parameters,
)
from tieline.errors import SignatureError
from tieline.protocol import keys, signing

REPOSITORY = Path(__file__).resolve().parents[2]
RFC_9421: dict[str, Any] = json.loads(
    (REPOSITORY.parent / "shared" / "vectors" / "rfc9421.json").read_text()
)
RSA_PSS_VECTORS = [vector for vector in RFC_9421["vectors"] if vector["alg"] == "rsa-pss-sha512"]


@dataclass
class Request:
    """A message as the library wants one."""

    headers: dict[str, str]
    method: str = "POST"
    url: str = "https://cloud.example/api/latest/sync_config/factory/sync"


@dataclass
class Response:
    """Its reply."""

    headers: dict[str, str]
    request: Request
    status_code: int = 200
    url: str = field(default="")


class Verifier(HTTPMessageVerifier):
    """The library's verifier, but for its clock, which cannot be given: any time will do."""

    max_clock_skew = timedelta(days=365 * 500)


def their_verifier(*signers: str) -> Verifier:
    resolver = MappingKeyResolver(
        public_keys={party(name).key_id: party(name).public for name in signers}, private_keys={}
    )
    return Verifier(signature_algorithm=algorithms.RSA_PSS_SHA512, key_resolver=resolver)


def vector_key(name: str) -> RSAPublicKey:
    pem = RFC_9421["keys"][name]["public"].encode()
    key = serialization.load_pem_public_key(pem)
    assert isinstance(key, RSAPublicKey)
    return key


def vector_signature(vector: dict[str, Any]) -> bytes:
    header = dict(vector["msg"]["headers"])["Signature"]
    return base64.b64decode(header.split("=:", 1)[1].rstrip(":"), validate=True)


def vector_base(vector: dict[str, Any]) -> bytes:
    """The signature base in the RFC, or, where it prints none (2.4), made from the message."""
    if vector["base"] is not None:
        return str(vector["base"]).encode()
    message = vector["msg"]
    path, query = message["target"].split("?")
    values = {name.lower(): value for name, value in message["headers"]}
    values |= {"@method": message["method"], "@path": path, "@query": f"?{query}"}
    values["@authority"] = values["host"]
    parameters = values["signature-input"].split("=", 1)[1]
    names = parameters[1 : parameters.index(")")].split()
    lines = [f"{name}: {values[name.strip(chr(34))]}" for name in names]
    return "\n".join([*lines, f'"@signature-params": {parameters}']).encode()


def test_library_verifies_our_request() -> None:
    message = Request(dict(signed_request()[0]))
    [result] = their_verifier("cloud").verify(
        message,
        expect_tag="tieline-request-v1",
        expect_label="tieline",
        require_components=("@method", "content-type", "content-digest", "tieline-to"),
        body=BODY,
    )
    assert result.parameters["keyid"] == party("cloud").key_id
    assert list(result.covered_components) == [
        '"@method"',
        '"content-type"',
        '"content-digest"',
        '"tieline-to"',
        '"@signature-params"',
    ]


def test_library_verifies_our_reply_with_its_request() -> None:
    headers, signed = signed_request()
    message = Response(signed_reply(signed), Request(dict(headers)))
    [result] = their_verifier("factory").verify(
        message, expect_tag="tieline-reply-v1", expect_label="tieline", body=REPLY_BODY
    )
    assert result.covered_components['"content-digest";req'] == signed.content_digest
    assert result.covered_components['"tieline-to";req'] == signed.tieline_to
    assert result.covered_components['"@method";req'] == "POST"


def test_library_refuses_our_reply_to_another_request() -> None:
    _, signed = signed_request()
    other, _ = signed_request(BODY + b" ")
    message = Response(signed_reply(signed), Request(dict(other)))
    with pytest.raises(InvalidSignature):
        their_verifier("factory").verify(message, expect_tag="tieline-reply-v1", body=REPLY_BODY)


def test_library_refuses_our_reply_with_another_status() -> None:
    headers, signed = signed_request()
    message = Response(signed_reply(signed), Request(dict(headers)), status_code=500)
    with pytest.raises(InvalidSignature):
        their_verifier("factory").verify(message, expect_tag="tieline-reply-v1", body=REPLY_BODY)


def test_request_written_by_the_library_verifies_here() -> None:
    fields = {
        "content-type": "application/json",
        "content-digest": signing.content_digest(BODY),
        "tieline-to": party("factory").key_id,
    }
    base = "\n".join(
        [
            '"@method": POST',
            *(f'"{name}": {value}' for name, value in fields.items()),
            f'"@signature-params": {write_parameters()}',
        ]
    ).encode()
    message = Request(fields)
    prepared = PreparedSignature(base, write_parameters(), "tieline", "rsa-pss-sha512")
    algorithm = algorithms.RSA_PSS_SHA512(private_key=party("cloud").key)  # type: ignore[no-untyped-call]
    signature = algorithm.sign(base)
    # Resolves the components itself and raises when its signature base is not ours.
    signer = HTTPMessageSigner(signature_algorithm=algorithms.RSA_PSS_SHA512)
    signer.apply(message, prepared, signature)
    assert verify_at_factory(list(message.headers.items())).key_id == party("cloud").key_id


def test_rfc_9421_has_signatures_of_our_algorithm() -> None:
    assert len(RSA_PSS_VECTORS) >= 5


@pytest.mark.parametrize("vector", RSA_PSS_VECTORS, ids=lambda vector: vector["id"])
def test_signature_of_rfc_9421_is_good(vector: dict[str, Any]) -> None:
    base = vector_base(vector)
    assert signing.verify_pss(vector_key(vector["key"]), vector_signature(vector), base)


@pytest.mark.parametrize("vector", RSA_PSS_VECTORS, ids=lambda vector: vector["id"])
def test_signature_of_rfc_9421_over_another_base_is_wrong(vector: dict[str, Any]) -> None:
    base = vector_base(vector) + b"\n"
    assert not signing.verify_pss(vector_key(vector["key"]), vector_signature(vector), base)


@pytest.mark.parametrize("vector", RFC_9421["vectors"], ids=lambda vector: vector["id"])
def test_message_of_rfc_9421_is_refused_as_it_is_not_the_profile(vector: dict[str, Any]) -> None:
    key = vector_key("test-key-rsa-pss")
    message = vector["msg"]
    with pytest.raises(SignatureError, match=r"missing: .*tieline-to"):
        signing.verify_request(
            message["headers"],
            message["body"].encode(),
            accept={keys.thumbprint(key): key},
            own={party("factory").key_id},
        )


def test_signature_of_another_rsa_algorithm_is_wrong() -> None:
    [vector] = [v for v in RFC_9421["vectors"] if v["alg"] == "rsa-v1_5-sha256"]
    signatures = dict(vector["msg"]["headers"])["Signature"].split(", ")
    [text] = [s for s in signatures if s.startswith("proxy_sig=:")]
    signature = base64.b64decode(text.removeprefix("proxy_sig=:").rstrip(":"))
    assert len(signature) == 256
    assert not signing.verify_pss(vector_key(vector["key"]), signature, vector["base"].encode())


def test_private_key_of_rfc_9421_belongs_to_its_public_one() -> None:
    # Its algorithm identifier is RSASSA-PSS, as `openssl genpkey -algorithm RSA-PSS` writes it.
    private = keys.parse_private_key(RFC_9421["keys"]["test-key-rsa-pss"]["private"].encode())
    public = keys.parse_public_key(RFC_9421["keys"]["test-key-rsa-pss"]["public"])
    assert keys.thumbprint(private.public_key()) == keys.thumbprint(public)


def test_thumbprint_is_that_of_rfc_7638_section_3_1() -> None:
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
        "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"
        "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI"
        "4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    number = int.from_bytes(base64.urlsafe_b64decode(modulus + "=="), "big")
    key = RSAPublicNumbers(65537, number).public_key()
    assert keys.thumbprint(key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize(
    ("body", "digest"),
    [
        (b'{"hello": "world"}\n', "RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg="),
        (b'{"hello": "world"}', "X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="),
        (b"", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
    ],
    ids=["RFC 9530 with its line feed", "RFC 9421", "nothing"],
)
def test_content_digest_is_that_of_the_examples(body: bytes, digest: str) -> None:
    assert signing.content_digest(body) == f"sha-256=:{digest}:"
