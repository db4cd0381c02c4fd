"""RSA keys: making, reading, naming them; the only kind of key that Tieline uses.

A key enters once through `parse_private_key` or `parse_public_key`, which check everything and say
what to do about a wrong one. Afterwards `load_private_key` reads what was checked. No message here
ever holds a part of a key.

Source: docs/protocol.md §2 rules 3 and 10.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from tieline.errors import InvalidFieldError

DEFAULT_BITS = 3072
"""What we generate: 128 bit of security (NIST SP 800-57 part 1, table 2)."""

MIN_BITS = 2048
MAX_BITS = 4096
PUBLIC_EXPONENT = 65537

_PRIVATE_FIELD = "own_private_key"
_PUBLIC_FIELD = "remote_public_key"
_HOW_TO_MAKE = (
    "make one with `openssl genpkey -algorithm RSA "
    f"-pkeyopt rsa_keygen_bits:{DEFAULT_BITS} -out FILE`"
)


def generate_private_key(bits: int = DEFAULT_BITS) -> bytes:
    """Gives a new RSA key as unencrypted PKCS8 PEM.

    Raises:
        InvalidFieldError: `bits` is outside 2048..4096.
    """
    _check_size(_PRIVATE_FIELD, bits)
    key = rsa.generate_private_key(public_exponent=PUBLIC_EXPONENT, key_size=bits)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def parse_private_key(pem: bytes) -> RSAPrivateKey:
    """Gives the key after checking all of it; for a key that is about to be saved.

    Testing the primes takes 100 to 200 ms for 3072 bits. The size is checked first: a huge
    key costs nothing.

    Raises:
        InvalidFieldError: names `own_private_key` and the cure.
    """
    load_private_key(pem)
    return _read_private_key(pem, is_validated=False)


def load_private_key(pem: bytes) -> RSAPrivateKey:
    """Gives a key that `parse_private_key` accepted earlier, without testing its primes again.

    Raises:
        InvalidFieldError: as `parse_private_key`, except that the numbers in it are believed.
    """
    key = _read_private_key(pem, is_validated=True)
    _check_numbers(_PRIVATE_FIELD, key.public_key())
    return key


def parse_public_key(pem: str) -> RSAPublicKey:
    """Gives the key in a SubjectPublicKeyInfo PEM.

    Store `public_pem` of it, not the text: that may have words around the key.

    Raises:
        InvalidFieldError: names `remote_public_key` and the cure.
    """
    _check_public_text(pem)
    try:
        key = serialization.load_pem_public_key(pem.encode("ascii"))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidFieldError(
            _PUBLIC_FIELD, "is damaged; paste it again, whole, from its BEGIN line to its END line"
        ) from error
    if not isinstance(key, RSAPublicKey):
        raise _not_rsa(_PUBLIC_FIELD)
    _check_numbers(_PUBLIC_FIELD, key)
    return key


def public_pem(key: RSAPublicKey) -> str:
    """Gives the key as SubjectPublicKeyInfo PEM, always the same text for the same key."""
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode("ascii")


def thumbprint(key: RSAPublicKey) -> str:
    """Gives the key's name: its SHA-256 thumbprint, 43 base64url characters without padding.

    Source: RFC 7638 §3; members in the order of their names, no white space.
    """
    numbers = key.public_numbers()
    text = f'{{"e":"{_encode_number(numbers.e)}","kty":"RSA","n":"{_encode_number(numbers.n)}"}}'
    return _encode_base64url(hashlib.sha256(text.encode("ascii")).digest())


def _read_private_key(pem: bytes, *, is_validated: bool) -> RSAPrivateKey:
    _check_private_text(pem)
    try:
        key = serialization.load_pem_private_key(
            pem, password=None, unsafe_skip_rsa_key_validation=is_validated
        )
    except TypeError as error:  # how the library says that it wants a password
        raise InvalidFieldError(
            _PRIVATE_FIELD,
            "is encrypted; give it without a password, as `openssl pkey -in KEY` writes it",
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidFieldError(
            _PRIVATE_FIELD, f"is damaged or not a valid key; {_HOW_TO_MAKE}"
        ) from error
    if not isinstance(key, RSAPrivateKey):
        raise _not_rsa(_PRIVATE_FIELD)
    return key


def _check_private_text(pem: bytes) -> None:
    # Also keeps text that cannot be encoded away from the library, whose error would quote it.
    if not pem.isascii() or b"-----BEGIN " not in pem:
        raise InvalidFieldError(
            _PRIVATE_FIELD, "is not PEM; it must begin with -----BEGIN PRIVATE KEY-----"
        )
    if b"PRIVATE KEY-----" not in pem:
        raise InvalidFieldError(
            _PRIVATE_FIELD, "holds no private key; give the private one, as PEM, here"
        )
    if pem.count(b"-----BEGIN ") != 1:
        raise InvalidFieldError(_PRIVATE_FIELD, "holds more than one PEM block; give the key alone")


def _check_public_text(pem: str) -> None:
    if "PRIVATE KEY" in pem:
        raise InvalidFieldError(
            _PUBLIC_FIELD,
            "holds a private key; paste the public key of the other workspace "
            "(`tieline key show` there), and replace that private key, as it was shown around",
        )
    if not pem.isascii() or pem.count("-----BEGIN PUBLIC KEY-----") != 1:
        raise InvalidFieldError(
            _PUBLIC_FIELD,
            "is not one PEM public key; it must begin with -----BEGIN PUBLIC KEY-----, as "
            "`tieline key show` or `openssl pkey -in KEY -pubout` prints it",
        )


def _check_numbers(field: str, key: RSAPublicKey) -> None:
    _check_size(field, key.key_size)
    if key.public_numbers().e != PUBLIC_EXPONENT:
        raise InvalidFieldError(
            field, f"has another public exponent than {PUBLIC_EXPONENT}; {_HOW_TO_MAKE}"
        )


def _check_size(field: str, bits: int) -> None:
    if not MIN_BITS <= bits <= MAX_BITS:
        raise InvalidFieldError(
            field, f"has {bits} bits; make a key of {MIN_BITS} to {MAX_BITS} bits"
        )


def _not_rsa(field: str) -> InvalidFieldError:
    return InvalidFieldError(field, f"is not an RSA key; {_HOW_TO_MAKE}")


def _encode_number(number: int) -> str:
    return _encode_base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _encode_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
