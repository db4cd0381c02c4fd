"""Replies are bound to their request and status; signatures live for minutes (PROTOCOL 2)."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signed_messages import (
    BODY,
    HEADER_NAMES,
    NONCE,
    NOW,
    REPLY_BODY,
    REPLY_COMPONENTS,
    mutate_one_byte,
    party,
    signed_reply,
    signed_request,
    verify_at_cloud,
    verify_at_factory,
    write_parameters,
)
from tieline.errors import ClockError, SignatureError
from tieline.protocol import signing


@pytest.mark.parametrize("status", [200, 401, 409, 503])
def test_signed_reply_verifies(status: int) -> None:
    _, request = signed_request()
    signed = verify_at_cloud(signed_reply(request, status=status), request, status=status)
    assert signed == signing.Signed(
        content_digest=signing.content_digest(REPLY_BODY),
        tieline_to=party("cloud").key_id,
        key_id=party("factory").key_id,
        created=NOW,
        expires=NOW + 300,
        nonce=NONCE,
    )


def test_reply_is_bound_to_the_request_as_the_receiver_saw_it() -> None:
    headers, sent = signed_request()
    received = verify_at_factory(headers)
    verify_at_cloud(signed_reply(received), sent)


def test_reply_is_spelled_as_the_profile_says() -> None:
    headers = signed_reply(signed_request()[1])
    parameters = write_parameters(REPLY_COMPONENTS, "tieline-reply-v1", sender="factory")
    assert list(headers) == HEADER_NAMES
    assert headers["content-type"] == "application/json"
    assert headers["signature-input"] == f"tieline={parameters}"


@pytest.mark.parametrize("status", [201, 401, 20, 2000])
def test_changed_status_is_refused(status: int) -> None:
    _, request = signed_request()
    with pytest.raises(SignatureError, match="signature is wrong"):
        verify_at_cloud(signed_reply(request), request, status=status)


def test_reply_to_another_request_is_refused() -> None:
    _, request = signed_request()
    _, other = signed_request(BODY + b" ")
    with pytest.raises(SignatureError, match="signature is wrong"):
        verify_at_cloud(signed_reply(other), request)


def test_reply_to_the_same_body_sent_to_another_recipient_is_refused() -> None:
    _, request = signed_request()
    _, other = signed_request(receiver="warehouse")
    assert other.content_digest == request.content_digest
    with pytest.raises(SignatureError, match="signature is wrong"):
        verify_at_cloud(signed_reply(other), request)


def test_reply_meant_for_another_is_refused() -> None:
    _, request = signed_request()
    with pytest.raises(SignatureError, match="not ours"):
        signing.verify_reply(
            200,
            signed_reply(request),
            REPLY_BODY,
            request=request,
            accept=party("factory").accepted,
            own={party("warehouse").key_id},
        )


def test_reply_of_a_stranger_is_refused() -> None:
    _, request = signed_request()
    with pytest.raises(SignatureError, match="not accepted"):
        signing.verify_reply(
            200,
            signed_reply(request),
            REPLY_BODY,
            request=request,
            accept=party("stranger").accepted,
            own={party("cloud").key_id},
        )


def test_changed_reply_body_is_refused() -> None:
    _, request = signed_request()
    with pytest.raises(SignatureError, match="not that of the body"):
        verify_at_cloud(signed_reply(request), request, body=REPLY_BODY + b" ")


def test_request_returned_as_a_reply_is_refused() -> None:
    headers, request = signed_request(sender="factory", receiver="cloud")
    with pytest.raises(SignatureError, match="signature-input differs"):
        verify_at_cloud(dict(headers), request, body=BODY)


def test_reply_sent_as_a_request_is_refused() -> None:
    _, request = signed_request(sender="factory", receiver="cloud")
    headers = signing.sign_reply(
        200,
        BODY,
        request=request,
        key=party("cloud").key,
        key_id=party("cloud").key_id,
        to=party("factory").key_id,
        created=NOW,
        nonce=NONCE,
    )
    with pytest.raises(SignatureError, match="signature-input differs"):
        verify_at_factory(list(headers.items()))


@pytest.mark.parametrize("name", HEADER_NAMES)
def test_reply_without_a_header_is_refused(name: str) -> None:
    _, request = signed_request()
    headers = signed_reply(request)
    del headers[name]
    with pytest.raises(SignatureError, match=f"missing: {name}$"):
        verify_at_cloud(headers, request)


def test_reply_without_headers_is_refused() -> None:
    with pytest.raises(SignatureError, match="missing"):
        verify_at_cloud({}, signed_request()[1])


def test_reply_header_there_in_two_spellings_is_refused() -> None:
    _, request = signed_request()
    headers = signed_reply(request)
    headers["Tieline-To"] = headers["tieline-to"]
    with pytest.raises(SignatureError, match="more than once"):
        verify_at_cloud(headers, request)


@settings(deadline=None)  # the first example makes the keys
@given(data=st.data())
def test_no_mutation_of_one_byte_of_a_reply_ever_verifies(data: st.DataObject) -> None:
    _, request = signed_request()
    headers = signed_reply(request)
    parts = {**headers, "body": REPLY_BODY.decode("latin-1")}
    mutate_one_byte(data, parts)
    body = parts.pop("body").encode("latin-1")
    with pytest.raises(SignatureError):
        verify_at_cloud(parts, request, body=body)


@pytest.mark.parametrize("offset", [-300, -1, 0, 1, 300])
def test_signature_within_five_minutes_is_in_the_window(offset: int) -> None:
    signing.check_window(signed_request()[1], NOW + offset)


@pytest.mark.parametrize("offset", [-301, 301, -100_000, 100_000])
def test_signature_outside_five_minutes_is_refused(offset: int) -> None:
    with pytest.raises(ClockError, match=f"created {abs(offset)} s"):
        signing.check_window(signed_request()[1], NOW + offset)


@pytest.mark.parametrize(("offset", "side"), [(-301, "ahead of"), (301, "behind")])
def test_clock_error_tells_which_clock_is_ahead(offset: int, side: str) -> None:
    with pytest.raises(ClockError, match=f"{side} our clock"):
        signing.check_window(signed_request()[1], NOW + offset)


@pytest.mark.parametrize("lifetime", [0, 299, 301, -300, 86_400])
def test_other_lifetime_is_refused(lifetime: int) -> None:
    signed = dataclasses.replace(signed_request()[1], expires=NOW + lifetime)
    with pytest.raises(ClockError, match="expires"):
        signing.check_window(signed, NOW)


def test_nonce_is_22_characters_that_keep_all_bytes() -> None:
    assert signing.make_nonce(b"\xff" * 16) == "_" * 21 + "w"
    assert signing.make_nonce(bytes(16)) == "A" * 22


@pytest.mark.parametrize("count", [0, 15, 17])
def test_nonce_of_another_length_is_not_made(count: int) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        signing.make_nonce(bytes(count))
