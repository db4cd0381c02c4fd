"""Keys and signatures that are the same on every machine: for samples and tests only.

Everybody can compute these private keys, so they protect nothing.
"""

from __future__ import annotations

import hashlib
from functools import cache
from itertools import count
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicKey,
    RSAPublicNumbers,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)

PRIME_BITS = 1024
EXPONENT = 65537
ROUNDS = 8
"""Miller-Rabin rounds: the candidates are random, not chosen by an enemy."""
SALT = bytes(64)
_SMALL = [each for each in range(3, 2000, 2) if all(each % low for low in range(3, each, 2))]


@cache
def fixed_key(name: str) -> RSAPrivateKey:
    """Gives the key of that name, always the same one."""
    p, q = _prime(f"{name}/p"), _prime(f"{name}/q")
    d = pow(EXPONENT, -1, (p - 1) * (q - 1))
    public = RSAPublicNumbers(EXPONENT, p * q)
    crt = (rsa_crt_dmp1(d, p), rsa_crt_dmq1(d, q), rsa_crt_iqmp(p, q))
    return RSAPrivateNumbers(p, q, d, *crt, public).private_key()


def _prime(seed: str) -> int:
    for number in count():
        raw = hashlib.shake_256(f"{seed}/{number}".encode()).digest(PRIME_BITS // 8)
        # The two highest bits make the modulus as long as it should be.
        found = int.from_bytes(raw) | 0b11 << (PRIME_BITS - 2) | 1
        if _is_prime(found) and (found - 1) % EXPONENT:
            return found
    raise AssertionError("count() has no end")


def _is_prime(number: int) -> bool:
    if any(number % small == 0 for small in _SMALL):
        return False
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in _SMALL[:ROUNDS]:
        power = pow(base, odd, number)
        if power not in (1, number - 1) and not any(
            (power := power * power % number) == number - 1 for _ in range(twos - 1)
        ):
            return False
    return True


class FixedSigner:
    """Signs like an RSA private key with PSS and SHA-512, but with one salt (RFC 8017, 9.1.1)."""

    def __init__(self, key: RSAPrivateKey) -> None:
        self._key = key

    def public_key(self) -> RSAPublicKey:
        """Gives the public half."""
        return self._key.public_key()

    def sign(self, data: bytes, padding: Any, algorithm: Any) -> bytes:
        """Gives the signature."""
        del padding, algorithm
        numbers = self._key.private_numbers()
        size = self._key.key_size // 8
        digest = hashlib.sha512(bytes(8) + hashlib.sha512(data).digest() + SALT).digest()
        block = bytes(size - len(SALT) - len(digest) - 2) + b"\x01" + SALT
        masked = bytearray(a ^ b for a, b in zip(block, _mask(digest, len(block)), strict=True))
        masked[0] &= 0x7F
        encoded = int.from_bytes(bytes(masked) + digest + b"\xbc")
        modulus = numbers.public_numbers.n
        return pow(encoded, numbers.d, modulus).to_bytes(size)


def _mask(seed: bytes, length: int) -> bytes:
    blocks = (hashlib.sha512(seed + number.to_bytes(4)).digest() for number in range(length))
    mask = b""
    while len(mask) < length:
        mask += next(blocks)
    return mask[:length]
