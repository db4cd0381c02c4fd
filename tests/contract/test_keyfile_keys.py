"""What KeyfileKeys promises beyond the port: private files, written whole, no other paths."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from fakes import private_pem
from tieline.adapters.keyfile_keys import KeyfileKeys
from tieline.errors import KeyMissingError, StoreUnavailableError
from tieline.protocol.keys import load_private_key

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "secret keys"


@pytest.fixture
def keys(directory: Path) -> KeyfileKeys:
    return KeyfileKeys(directory)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_file_and_directory_are_for_their_owner_alone(
    keys: KeyfileKeys, directory: Path, pem: bytes
) -> None:
    keys.save("workspace", pem)
    assert (mode(directory), mode(directory / "workspace.pem")) == (0o700, 0o600)


def test_saving_leaves_nothing_but_the_key(keys: KeyfileKeys, directory: Path, pem: bytes) -> None:
    keys.save("workspace", pem)
    keys.save("workspace", pem)
    assert [each.name for each in directory.iterdir()] == ["workspace.pem"]


@pytest.mark.parametrize("loose", [0o640, 0o604, 0o620, 0o660])
def test_file_open_to_others_is_refused_with_the_cure(
    keys: KeyfileKeys, directory: Path, pem: bytes, loose: int
) -> None:
    keys.save("workspace", pem)
    keys.load("workspace")
    path = directory / "workspace.pem"
    path.chmod(loose)
    with pytest.raises(KeyMissingError, match=r"chmod 600 '.*/secret keys/workspace\.pem'"):
        keys.load("workspace")
    path.chmod(0o600)
    keys.load("workspace")


def test_stricter_mode_is_accepted(keys: KeyfileKeys, directory: Path, pem: bytes) -> None:
    keys.save("workspace", pem)
    (directory / "workspace.pem").chmod(0o400)
    keys.load("workspace")


def test_directory_open_to_others_is_refused_with_the_cure(
    keys: KeyfileKeys, directory: Path, pem: bytes
) -> None:
    keys.save("workspace", pem)
    directory.chmod(0o750)
    with pytest.raises(KeyMissingError, match=r"chmod 700 '.*/secret keys'"):
        keys.load("workspace")
    with pytest.raises(KeyMissingError, match=r"chmod 700 '.*/secret keys'"):
        keys.save("workspace", pem)


@needs_root
@pytest.mark.parametrize("name", ["workspace.pem", "."])
def test_file_or_directory_of_another_user_is_refused_with_the_cure(
    keys: KeyfileKeys, directory: Path, pem: bytes, name: str
) -> None:
    keys.save("workspace", pem)
    os.chown(directory / name, 12345, -1)
    with pytest.raises(KeyMissingError, match=r"belongs to another user: chown 0 "):
        keys.load("workspace")


def test_missing_key_says_where_it_should_be(keys: KeyfileKeys, directory: Path) -> None:
    with pytest.raises(KeyMissingError) as caught:
        keys.load("workspace")
    assert str(directory / "workspace.pem") in str(caught.value)


@pytest.mark.parametrize(
    "owner",
    [
        "",
        "..",
        "../workspace",
        "workspace/",
        "workspace\n",
        "Workspace",
        "/etc/workspace",
        "01890a5d-ac96-774b-bcce-b302099a8057/../workspace",
        "01890A5D-AC96-774B-BCCE-B302099A8057",
        "01890a5dac96774bbcceb302099a8057",
        "\ud800",
        "workspace\0",
    ],
)
def test_owner_of_another_form_reaches_no_file(
    keys: KeyfileKeys, directory: Path, pem: bytes, owner: str
) -> None:
    keys.save("workspace", pem)
    before = sorted(directory.parent.rglob("*"))
    for attempt in (keys.load, keys.delete, lambda each: keys.save(each, pem)):
        with pytest.raises(KeyMissingError, match="neither `workspace` nor a UUID"):
            attempt(owner)
    assert sorted(directory.parent.rglob("*")) == before


def test_file_replaced_by_another_process_is_read_again(
    keys: KeyfileKeys, directory: Path, pem: bytes, other_pem: bytes
) -> None:
    keys.save("workspace", pem)
    keys.load("workspace")
    KeyfileKeys(directory).save("workspace", other_pem)
    expected = load_private_key(other_pem).public_key()
    assert keys.load("workspace").public_key() == expected


def test_key_that_cannot_be_put_in_place_leaves_no_trace(
    keys: KeyfileKeys, directory: Path, pem: bytes
) -> None:
    # A directory where the file belongs: renaming onto it fails, even for root.
    (directory / "workspace.pem").mkdir(mode=0o700, parents=True)
    directory.chmod(0o700)
    with pytest.raises(StoreUnavailableError, match=r"workspace\.pem cannot be written"):
        keys.save("workspace", pem)
    assert [each.name for each in directory.iterdir()] == ["workspace.pem"]
    with pytest.raises(StoreUnavailableError):
        keys.delete("workspace")


def test_file_that_cannot_be_read_is_missing(keys: KeyfileKeys, directory: Path) -> None:
    (directory / "workspace.pem").mkdir(mode=0o700, parents=True)
    directory.chmod(0o700)
    with pytest.raises(KeyMissingError, match=r"workspace\.pem cannot be read"):
        keys.load("workspace")


def test_operators_own_file_is_read_and_never_written(tmp_path: Path) -> None:
    pem = private_pem("workspace")
    file = tmp_path / "mine.pem"
    file.write_bytes(pem)
    file.chmod(0o600)
    keys = KeyfileKeys(tmp_path / "keys", file)
    assert keys.load("workspace").key_size == load_private_key(pem).key_size
    with pytest.raises(KeyMissingError, match="operator's own file"):
        keys.save("workspace", private_pem("other"))
    with pytest.raises(KeyMissingError, match="operator's own file"):
        keys.delete("workspace")
    assert file.read_bytes() == pem


def test_operators_own_file_must_be_private_too(tmp_path: Path) -> None:
    file = tmp_path / "mine.pem"
    file.write_bytes(private_pem("workspace"))
    file.chmod(0o644)
    with pytest.raises(KeyMissingError, match="chmod 600"):
        KeyfileKeys(tmp_path / "keys", file).load("workspace")
