"""Headers that differ from the profile are refused, even when signed (PROTOCOL 2 rule 1)."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from signed_messages import (
    BODY,
    HEADER_NAMES,
    NONCE,
    NOW,
    REQUEST_COMPONENTS,
    Headers,
    party,
    replace_header,
    sign_by_hand,
    signed_request,
    verify_at_factory,
    write_parameters,
)
from tieline.errors import SignatureError
from tieline.protocol import signing


def altered_parameters(old: str, new: str) -> Headers:
    """A request with a good signature over parameters that differ in one place."""
    parameters = write_parameters()
    assert parameters.count(old) == 1
    return sign_by_hand(parameters.replace(old, new))


def test_headers_are_spelled_as_the_profile_says() -> None:
    headers = dict(signed_request()[0])
    assert list(headers) == HEADER_NAMES
    assert headers["content-type"] == "application/json"
    assert headers["tieline-to"] == party("factory").key_id
    assert headers["signature-input"] == f"tieline={write_parameters()}"


@pytest.mark.parametrize("name", HEADER_NAMES)
def test_missing_header_is_refused(name: str) -> None:
    headers = [pair for pair in signed_request()[0] if pair[0] != name]
    with pytest.raises(SignatureError, match=f"missing: {name}$"):
        verify_at_factory(headers)


@pytest.mark.parametrize("name", HEADER_NAMES)
@pytest.mark.parametrize("spelling", [str.lower, str.upper])
def test_header_there_twice_is_refused_even_when_equal(name: str, spelling: type[str]) -> None:
    headers = signed_request()[0]
    with pytest.raises(SignatureError, match=f"{name} is there more than once"):
        verify_at_factory([*headers, (spelling(name), dict(headers)[name])])


@pytest.mark.parametrize("name", HEADER_NAMES)
def test_values_joined_by_a_proxy_are_refused(name: str) -> None:
    headers = signed_request()[0]
    value = dict(headers)[name]
    with pytest.raises(SignatureError):
        verify_at_factory(replace_header(headers, name, f"{value}, {value}"))


@pytest.mark.parametrize("name", HEADER_NAMES)
@pytest.mark.parametrize("change", [" {}", "{} ", "{}\n", "{};x", ""])
def test_decorated_or_empty_value_is_refused(name: str, change: str) -> None:
    headers = signed_request()[0]
    with pytest.raises(SignatureError):
        verify_at_factory(replace_header(headers, name, change.format(dict(headers)[name])))


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "Application/json", "application/jose", "text/plain"],
)
def test_other_content_type_is_refused_though_signed(content_type: str) -> None:
    headers = sign_by_hand(write_parameters(), fields={"content-type": content_type})
    with pytest.raises(SignatureError, match="content-type"):
        verify_at_factory(headers)


@pytest.mark.parametrize("name", ["sha-512", "SHA-256", "sha-256;a=1"])
def test_other_digest_algorithm_is_refused_though_signed(name: str) -> None:
    digest = signing.content_digest(BODY).replace("sha-256", name)
    headers = sign_by_hand(write_parameters(), fields={"content-digest": digest})
    with pytest.raises(SignatureError, match="content-digest is not one"):
        verify_at_factory(headers)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("created=1", "created=01"),
        ("created=1", "created=-1"),
        ("created=1", "created=1.5"),
        ("created=1", "created=1" + "0" * 15),
        (f"created={NOW}", f'created="{NOW}"'),
        (f";created={NOW}", ""),
        (f";expires={NOW + 300}", ""),
        (f"created={NOW};expires={NOW + 300}", f"expires={NOW + 300};created={NOW}"),
        (";nonce", "; nonce"),
        (f';nonce="{NONCE}"', ""),
        (f'"{NONCE}"', f'"{NONCE}A"'),
        (f'"{NONCE}"', f'"{NONCE[:-1]}"'),
        (f'"{NONCE}"', f'"{NONCE[:-1]}x"'),
        (f'"{NONCE}"', NONCE),
        (';alg="rsa-pss-sha512"', ""),
        ('alg="rsa-pss-sha512"', 'alg="rsa-v1_5-sha256"'),
        ('alg="rsa-pss-sha512"', 'alg="ecdsa-p256-sha256"'),
        ('alg="rsa-pss-sha512"', 'alg="RSA-PSS-SHA512"'),
        ('tag="tieline-request-v1"', 'tag="tieline-request-v2"'),
        ('tag="tieline-request-v1"', 'tag="tieline-reply-v1"'),
        (';tag="tieline-request-v1"', ""),
        ('tag="tieline-request-v1"', 'tag="tieline-request-v1";x=1'),
        ('"@method" "content-type"', '"content-type" "@method"'),
        ('"@method" "content-type"', '"@method"  "content-type"'),
        ('"@method" ', ""),
        (' "content-type"', ""),
        (' "content-digest"', ""),
        (' "tieline-to"', ""),
        ('"tieline-to")', '"tieline-to" "content-type")'),
        ('"tieline-to")', '"tieline-to";sf)'),
    ],
)
def test_other_parameters_are_refused_though_signed(old: str, new: str) -> None:
    with pytest.raises(SignatureError, match="signature-input differs"):
        verify_at_factory(altered_parameters(old, new))


def test_other_label_is_refused_though_signed() -> None:
    with pytest.raises(SignatureError, match="signature-input differs"):
        verify_at_factory(sign_by_hand(write_parameters(), label="sig1"))


def test_signature_under_another_label_is_refused() -> None:
    headers = signed_request()[0]
    value = dict(headers)["signature"].replace("tieline=", "other=")
    with pytest.raises(SignatureError, match="signature differs"):
        verify_at_factory(replace_header(headers, "signature", value))


def test_ecdsa_signature_is_too_short_to_be_looked_at() -> None:
    signature = ec.generate_private_key(ec.SECP256R1()).sign(b"base", ec.ECDSA(hashes.SHA256()))
    value = f"tieline=:{base64.b64encode(signature).decode()}:"
    with pytest.raises(SignatureError, match="signature differs"):
        verify_at_factory(replace_header(signed_request()[0], "signature", value))


def test_second_spelling_of_the_same_signature_is_refused() -> None:
    # 256 bytes leave four unused bits in the last character before the padding.
    headers = signed_request()[0]
    value = dict(headers)["signature"]
    last = value[-4]
    assert value.endswith("==:")
    assert last in "AQgw"
    other = chr(ord(last) + 1)
    with pytest.raises(SignatureError, match="canonical"):
        verify_at_factory(replace_header(headers, "signature", f"{value[:-4]}{other}==:"))


def test_signature_of_a_broken_length_is_refused() -> None:
    headers = signed_request()[0]
    value = dict(headers)["signature"].replace("==:", "=:")
    with pytest.raises(SignatureError, match="not base64"):
        verify_at_factory(replace_header(headers, "signature", value))


@settings(deadline=None)  # the first example makes the keys
@given(value=st.text(max_size=400), name=st.sampled_from(HEADER_NAMES))
def test_any_text_as_a_header_is_refused_quietly(value: str, name: str) -> None:
    headers = sign_by_hand(write_parameters())
    assume(value != dict(headers)[name])
    with pytest.raises(SignatureError):
        verify_at_factory(replace_header(headers, name, value))


def test_components_are_those_of_the_protocol() -> None:
    value = dict(signed_request()[0])["signature-input"]
    assert value.startswith(f"tieline={REQUEST_COMPONENTS};created=")
