"""The contract of the Keys port, over every adapter."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tieline.errors import KeyMissingError
from tieline.ports import Keys
from tieline.protocol.keys import load_private_key

LINK = "01890a5d-ac96-774b-bcce-b302099a8057"


def number(key: RSAPrivateKey) -> int:
    return key.public_key().public_numbers().n


@pytest.mark.parametrize("owner", ["workspace", LINK])
def test_saved_key_is_loaded(keys: Keys, pem: bytes, owner: str) -> None:
    keys.save(owner, pem)
    assert number(keys.load(owner)) == number(load_private_key(pem))


def test_missing_key_is_named(keys: Keys) -> None:
    with pytest.raises(KeyMissingError, match=LINK):
        keys.load(LINK)


def test_each_owner_has_its_own_key(keys: Keys, pem: bytes, other_pem: bytes) -> None:
    keys.save("workspace", pem)
    keys.save(LINK, other_pem)
    assert number(keys.load("workspace")) == number(load_private_key(pem))
    assert number(keys.load(LINK)) == number(load_private_key(other_pem))


def test_unchanged_key_is_not_parsed_again(keys: Keys, pem: bytes) -> None:
    keys.save("workspace", pem)
    assert keys.load("workspace") is keys.load("workspace")


def test_key_saved_later_replaces_the_first(keys: Keys, pem: bytes, other_pem: bytes) -> None:
    keys.save("workspace", pem)
    keys.load("workspace")
    keys.save("workspace", other_pem)
    assert number(keys.load("workspace")) == number(load_private_key(other_pem))


def test_deleted_key_is_missing(keys: Keys, pem: bytes) -> None:
    keys.save("workspace", pem)
    keys.load("workspace")
    keys.delete("workspace")
    with pytest.raises(KeyMissingError):
        keys.load("workspace")


def test_deleting_one_owner_leaves_the_other_with_the_same_key(keys: Keys, pem: bytes) -> None:
    keys.save("workspace", pem)
    keys.save(LINK, pem)
    keys.delete(LINK)
    assert number(keys.load("workspace")) == number(load_private_key(pem))


def test_deleting_a_missing_key_is_harmless(keys: Keys) -> None:
    keys.delete("workspace")
    keys.delete("workspace")


def test_damaged_key_is_missing_and_not_shown(keys: Keys, pem: bytes) -> None:
    lines = pem.splitlines(keepends=True)
    keys.save("workspace", b"".join(lines[:5] + lines[-1:]))
    with pytest.raises(KeyMissingError, match=r"workspace.* damaged") as caught:
        keys.load("workspace")
    assert lines[2].decode().strip() not in str(caught.value)


def test_threads_load_the_same_key(keys: Keys, pem: bytes) -> None:
    keys.save("workspace", pem)
    with ThreadPoolExecutor(4) as pool:
        loaded = set(pool.map(lambda _: id(keys.load("workspace")), range(16)))
    assert len(loaded) == 1
