"""Keys: good ones come back the same, wrong ones are refused with a cure and nothing of the key."""

from __future__ import annotations

from functools import cache

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers, RSAPublicNumbers

from tieline.errors import InvalidFieldError
from tieline.protocol import keys

PKCS8 = serialization.PrivateFormat.PKCS8
PKCS1 = serialization.PrivateFormat.TraditionalOpenSSL
NO_PASSWORD = serialization.NoEncryption()
PASSWORD = serialization.BestAvailableEncryption(b"secret")
OtherKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@cache
def key_pem() -> bytes:
    return keys.generate_private_key(2048)


@cache
def key() -> rsa.RSAPrivateKey:
    return keys.load_private_key(key_pem())


@cache
def other_key(kind: str) -> OtherKey:
    if kind == "elliptic curve":
        return ec.generate_private_key(ec.SECP256R1())
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "exponent 3":
        return rsa.generate_private_key(public_exponent=3, key_size=2048)
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


def private_text(
    private: OtherKey,
    form: serialization.PrivateFormat = PKCS8,
    password: serialization.KeySerializationEncryption = NO_PASSWORD,
) -> bytes:
    return private.private_bytes(serialization.Encoding.PEM, form, password)


def public_text(private: OtherKey) -> str:
    return (
        private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def _parse(text: bytes | str) -> object:
    if isinstance(text, bytes):
        return keys.parse_private_key(text)
    return keys.parse_public_key(text)


def assert_refused(text: bytes | str, problem: str) -> None:
    """Refused on the right field, for the right reason, without any line of the text."""
    with pytest.raises(InvalidFieldError, match=problem) as caught:
        _parse(text)
    error = caught.value
    assert error.field == ("own_private_key" if isinstance(text, bytes) else "remote_public_key")
    shown = f"{error}{error.__cause__!r}{error.__context__!r}"
    lines = text.decode("latin-1") if isinstance(text, bytes) else text
    for line in lines.splitlines():
        assert len(line) < 40 or line[:40] not in shown


def inconsistent_key() -> bytes:
    """A key of the right size whose private exponent does not belong to it."""
    numbers = key().private_numbers()
    wrong = RSAPrivateNumbers(
        p=numbers.p,
        q=numbers.q,
        d=numbers.d + 2,
        dmp1=numbers.dmp1,
        dmq1=numbers.dmq1,
        iqmp=numbers.iqmp,
        public_numbers=numbers.public_numbers,
    )
    return private_text(wrong.private_key(unsafe_skip_rsa_key_validation=True))


def test_generated_key_has_3072_bits_and_the_usual_exponent() -> None:
    generated = keys.parse_private_key(keys.generate_private_key())
    assert generated.key_size == 3072
    assert generated.public_key().public_numbers().e == 65537


def test_generated_key_is_unencrypted_pkcs8() -> None:
    assert key_pem().startswith(b"-----BEGIN PRIVATE KEY-----\n")


@pytest.mark.parametrize("bits", [0, 1024, 2047, 4097, 1_000_000])
def test_key_of_another_size_is_not_made(bits: int) -> None:
    with pytest.raises(InvalidFieldError, match="2048 to 4096"):
        keys.generate_private_key(bits)


@pytest.mark.parametrize("form", [PKCS8, PKCS1])
def test_private_key_is_read_in_both_formats(form: serialization.PrivateFormat) -> None:
    parsed = keys.parse_private_key(private_text(key(), form))
    assert parsed.private_numbers() == key().private_numbers()


def test_loaded_key_is_the_parsed_one() -> None:
    loaded = keys.load_private_key(key_pem())
    assert loaded.private_numbers() == keys.parse_private_key(key_pem()).private_numbers()


def test_inconsistent_private_key_is_refused_when_saved() -> None:
    assert_refused(inconsistent_key(), "not a valid key")


def test_loading_believes_what_was_checked_when_saved() -> None:
    assert keys.load_private_key(inconsistent_key()).key_size == 2048


@pytest.mark.parametrize("form", [PKCS8, PKCS1])
def test_encrypted_private_key_is_refused(form: serialization.PrivateFormat) -> None:
    assert_refused(private_text(key(), form, PASSWORD), "is encrypted")


def test_loading_an_encrypted_key_is_refused_too() -> None:
    with pytest.raises(InvalidFieldError, match="is encrypted"):
        keys.load_private_key(private_text(key(), PKCS8, PASSWORD))


@pytest.mark.parametrize("text", [b"", b"hello", b"\xff\xfe", b"MIIEvQIBADANBgkqhkiG9w0BAQ"])
def test_text_that_is_not_pem_is_no_private_key(text: bytes) -> None:
    assert_refused(text, "is not PEM")


def test_private_key_with_bytes_that_are_no_text_is_refused() -> None:
    assert_refused(key_pem() + b"\xff", "is not PEM")


def test_public_key_is_no_private_key() -> None:
    assert_refused(public_text(key()).encode(), "no private key")


def test_two_private_keys_are_refused() -> None:
    assert_refused(key_pem() + key_pem(), "more than one")


def test_damaged_private_key_is_refused() -> None:
    lines = key_pem().splitlines(keepends=True)
    assert_refused(b"".join(lines[:5] + lines[6:]), "is damaged")


@pytest.mark.parametrize("kind", ["elliptic curve", "ed25519"])
def test_private_key_that_is_not_rsa_is_refused(kind: str) -> None:
    assert_refused(private_text(other_key(kind)), "is not an RSA key")


def test_small_private_key_is_refused() -> None:
    assert_refused(private_text(other_key("1024 bits")), "has 1024 bits; make a key of 2048")


def test_private_key_with_another_exponent_is_refused() -> None:
    assert_refused(private_text(other_key("exponent 3")), "public exponent")


def test_loading_checks_size_and_exponent_again() -> None:
    for kind in ("1024 bits", "exponent 3"):
        with pytest.raises(InvalidFieldError):
            keys.load_private_key(private_text(other_key(kind)))


def test_public_key_comes_back_the_same() -> None:
    text = public_text(key())
    assert keys.public_pem(keys.parse_public_key(text)) == text


def test_words_and_line_ends_around_a_public_key_are_left_out() -> None:
    pasted = f"the key of the factory:\r\n\r\n{public_text(key())}\nbye\n".replace("\n", "\r\n")
    assert keys.public_pem(keys.parse_public_key(pasted)) == public_text(key())


@pytest.mark.parametrize("form", [PKCS8, PKCS1])
@pytest.mark.parametrize("password", [NO_PASSWORD, PASSWORD])
def test_private_key_pasted_as_public_is_refused(
    form: serialization.PrivateFormat, password: serialization.KeySerializationEncryption
) -> None:
    assert_refused(private_text(key(), form, password).decode(), "holds a private key")


def test_private_key_beside_a_public_one_is_refused() -> None:
    assert_refused(public_text(key()) + key_pem().decode(), "holds a private key")


@pytest.mark.parametrize(
    "text",
    ["", "hello", "-----BEGIN CERTIFICATE-----", "ssh-rsa AAAA"],
    ids=["empty", "word", "certificate", "ssh"],
)
def test_text_that_is_not_one_public_key_is_refused(text: str) -> None:
    assert_refused(text, "is not one PEM public key")


def test_two_public_keys_are_refused() -> None:
    assert_refused(public_text(key()) * 2, "is not one PEM public key")


@pytest.mark.parametrize("character", ["\u00e9", "\udc80", "\u212a"])
def test_public_key_with_a_foreign_character_is_refused(character: str) -> None:
    assert_refused(public_text(key()) + character, "is not one PEM public key")


def test_public_key_in_pkcs1_is_refused_with_the_command_that_converts_it() -> None:
    text = (
        key()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
    )
    assert_refused(text.decode(), "openssl pkey")


def test_damaged_public_key_is_refused() -> None:
    lines = public_text(key()).splitlines(keepends=True)
    assert_refused("".join(lines[:3] + lines[4:]), "is damaged")


@pytest.mark.parametrize("kind", ["elliptic curve", "ed25519"])
def test_public_key_that_is_not_rsa_is_refused(kind: str) -> None:
    assert_refused(public_text(other_key(kind)), "is not an RSA key")


def test_small_public_key_is_refused() -> None:
    assert_refused(public_text(other_key("1024 bits")), "has 1024 bits")


def test_public_key_above_4096_bits_is_refused() -> None:
    large = RSAPublicNumbers(65537, (1 << 4096) + 1).public_key()
    assert_refused(keys.public_pem(large), "has 4097 bits")


def test_public_key_with_another_exponent_is_refused() -> None:
    assert_refused(public_text(other_key("exponent 3")), "public exponent")


def test_thumbprint_names_a_key_by_43_characters() -> None:
    name = keys.thumbprint(key().public_key())
    assert len(name) == 43
    assert name == keys.thumbprint(keys.parse_public_key(public_text(key())))
