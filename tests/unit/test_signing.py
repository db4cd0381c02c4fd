"""Requests: what was signed for us by the peer verifies, nothing else does (PROTOCOL 2)."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import given, settings
from hypothesis import strategies as st

from signed_messages import (
    BODY,
    NONCE,
    NOW,
    mutate_one_byte,
    party,
    replace_header,
    sign_by_hand,
    signed_request,
    verify_at_factory,
    write_parameters,
)
from tieline.errors import SignatureError
from tieline.protocol import signing


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_signed_request_verifies(bits: int) -> None:
    headers, sent = signed_request(bits=bits)
    received = signing.verify_request(
        headers,
        BODY,
        accept=party("cloud", bits).accepted,
        own={party("factory", bits).key_id},
    )
    assert received == sent


def test_verified_request_tells_what_was_signed() -> None:
    headers, _ = signed_request()
    assert verify_at_factory(headers) == signing.Signed(
        content_digest=signing.content_digest(BODY),
        tieline_to=party("factory").key_id,
        key_id=party("cloud").key_id,
        created=NOW,
        expires=NOW + 300,
        nonce=NONCE,
    )


def test_request_signed_by_hand_verifies() -> None:
    # Without this, refusals of other messages signed by hand would prove nothing.
    verify_at_factory(sign_by_hand(write_parameters()))


def test_empty_body_is_signed_too() -> None:
    headers, _ = signed_request(b"")
    verify_at_factory(headers, b"")
    with pytest.raises(SignatureError, match="not that of the body"):
        verify_at_factory(headers, b" ")


def test_other_headers_and_upper_case_names_do_not_matter() -> None:
    headers = [(name.title(), value) for name, value in signed_request()[0]]
    verify_at_factory([("Host", "a"), ("Host", "b"), *headers])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"created={NOW}", f"created={NOW + 1}"),
        (f"expires={NOW + 300}", f"expires={NOW + 301}"),
        (NONCE, NONCE[:-1] + "A"),
    ],
)
def test_parameter_altered_after_signing_is_refused(old: str, new: str) -> None:
    headers = signed_request()[0]
    value = dict(headers)["signature-input"]
    assert value.count(old) == 1
    with pytest.raises(SignatureError, match="signature is wrong"):
        verify_at_factory(replace_header(headers, "signature-input", value.replace(old, new)))


@pytest.mark.parametrize("salt_length", [0, 32, 63, 65])
def test_other_salt_length_is_refused(salt_length: int) -> None:
    pad = padding.PSS(mgf=padding.MGF1(hashes.SHA512()), salt_length=salt_length)
    with pytest.raises(SignatureError, match="signature is wrong"):
        verify_at_factory(sign_by_hand(write_parameters(), pad=pad))


@pytest.mark.parametrize(
    ("pad", "algorithm"),
    [
        (padding.PKCS1v15(), hashes.SHA256()),
        (padding.PKCS1v15(), hashes.SHA512()),
        (padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=64), hashes.SHA256()),
        (padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=64), hashes.SHA512()),
    ],
)
def test_other_algorithm_under_our_name_is_refused(
    pad: padding.AsymmetricPadding, algorithm: hashes.HashAlgorithm
) -> None:
    with pytest.raises(SignatureError, match="signature is wrong"):
        verify_at_factory(sign_by_hand(write_parameters(), pad=pad, algorithm=algorithm))


def test_other_key_under_an_accepted_name_is_refused() -> None:
    accept = {party("cloud").key_id: party("stranger").public}
    with pytest.raises(SignatureError, match="signature is wrong"):
        signing.verify_request(
            signed_request()[0], BODY, accept=accept, own={party("factory").key_id}
        )


def test_stranger_is_refused() -> None:
    headers = signed_request(sender="stranger")[0]
    with pytest.raises(SignatureError, match="not accepted"):
        verify_at_factory(headers)


def test_next_key_is_accepted_beside_the_current_one() -> None:
    accept = {**party("cloud").accepted, **party("cloud next").accepted}
    own = {party("factory").key_id, party("factory next").key_id}
    headers = signed_request(sender="cloud next", receiver="factory next")[0]
    signed = signing.verify_request(headers, BODY, accept=accept, own=own)
    assert signed.key_id == party("cloud next").key_id


def test_request_meant_for_another_recipient_is_refused() -> None:
    headers = signed_request(receiver="warehouse")[0]
    with pytest.raises(SignatureError, match="not ours"):
        verify_at_factory(headers)


def test_request_readdressed_to_a_second_recipient_is_refused() -> None:
    headers = replace_header(signed_request()[0], "tieline-to", party("warehouse").key_id)
    with pytest.raises(SignatureError, match="signature is wrong"):
        signing.verify_request(
            headers, BODY, accept=party("cloud").accepted, own={party("warehouse").key_id}
        )


def test_own_key_in_the_accept_set_is_not_accepted() -> None:
    headers = signed_request(sender="factory")[0]
    with pytest.raises(SignatureError, match="not accepted"):
        signing.verify_request(
            headers, BODY, accept=party("factory").accepted, own={party("factory").key_id}
        )


@pytest.mark.parametrize("method", ["PUT", "GET", "post", ""])
def test_other_method_is_refused_though_signed(method: str) -> None:
    headers = sign_by_hand(write_parameters(), values={"@method": method})
    with pytest.raises(SignatureError, match="method"):
        signing.verify_request(
            headers,
            BODY,
            accept=party("cloud").accepted,
            own={party("factory").key_id},
            method=method,
        )


def test_method_is_covered_by_the_signature() -> None:
    headers = sign_by_hand(write_parameters(), values={"@method": "PUT"})
    with pytest.raises(SignatureError, match="signature is wrong"):
        verify_at_factory(headers)


def test_checks_come_in_their_order() -> None:
    headers, _ = signed_request(sender="stranger", receiver="warehouse")
    headers = replace_header(headers, "content-type", "text/plain")
    own: set[str] = set()
    accept = dict[str, object]()

    def reason() -> str:
        with pytest.raises(SignatureError) as caught:
            signing.verify_request(headers, b"else", accept=accept, own=own)  # type: ignore[arg-type]
        return str(caught.value)

    assert "content-type" in reason()
    headers = replace_header(headers, "content-type", "application/json")
    assert "not ours" in reason()
    own.add(party("warehouse").key_id)
    assert "not accepted" in reason()
    # A key that cannot verify anything: nothing was verified before the digest was compared.
    accept[party("stranger").key_id] = object()
    assert "not that of the body" in reason()


def test_every_flipped_bit_of_a_header_is_refused() -> None:
    headers = signed_request()[0]
    for name, value in headers:
        for index, character in enumerate(value):
            for bit in range(8):
                flipped = f"{value[:index]}{chr(ord(character) ^ 1 << bit)}{value[index + 1 :]}"
                with pytest.raises(SignatureError):
                    verify_at_factory(replace_header(headers, name, flipped))


def test_every_flipped_bit_of_the_body_is_refused() -> None:
    headers = signed_request()[0]
    for index in range(len(BODY)):
        for bit in range(8):
            flipped = bytearray(BODY)
            flipped[index] ^= 1 << bit
            with pytest.raises(SignatureError, match="not that of the body"):
                verify_at_factory(headers, bytes(flipped))


@settings(deadline=None)  # the first example makes the keys
@given(data=st.data())
def test_no_mutation_of_one_byte_ever_verifies(data: st.DataObject) -> None:
    parts = {**dict(signed_request()[0]), "body": BODY.decode("latin-1")}
    mutate_one_byte(data, parts)
    body = parts.pop("body").encode("latin-1")
    with pytest.raises(SignatureError):
        verify_at_factory(list(parts.items()), body)
