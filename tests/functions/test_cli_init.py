"""`tieline init`: what it makes, what it refuses, and that it never changes what is there."""

import stat

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cli_runner import CommandLine
from fakes import private_pem
from tieline.adapters.keyfile_keys import KeyfileKeys
from tieline.cli.init import host_name_made_fit
from tieline.protocol.keys import load_private_key, thumbprint


@pytest.fixture
def cli(tmp_path):
    line = CommandLine(tmp_path)
    yield line
    line.check_no_secret_was_printed()


def small_pem():
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_init_makes_a_private_directory_with_a_workspace(cli):
    made = cli.json("init", "--name", "factory", "--key-file", cli.private_file("here"))
    assert (made["name"], made["is_new"]) == ("factory", True)
    assert stat.S_IMODE(cli.directory.stat().st_mode) == 0o700
    assert cli.json("key", "show")["name"] == "factory"


def test_init_takes_the_key_it_is_given(cli):
    made = cli.json("init", "--name", "factory", "--key-file", cli.private_file("here"))
    expected = thumbprint(load_private_key(private_pem("here")).public_key())
    assert made["fingerprint"] == expected
    kept = KeyfileKeys(cli.directory / "keys").load("workspace")
    assert thumbprint(kept.public_key()) == expected


def test_init_makes_a_key_when_none_is_given(cli):
    assert len(cli.json("init", "--name", "factory")["fingerprint"]) == 43


def test_init_shows_the_first_token_and_how_to_use_it(cli):
    text = cli.ok("init", "--name", "factory", "--key-file", cli.private_file("here"))
    assert "\ntieline_" in text
    assert "TIELINE_TOKEN" in text
    [token] = cli.json("token", "list")["items"]
    assert token["role"] == "organization-admin"


def test_second_init_says_so_and_changes_nothing(cli):
    first = cli.json("init", "--name", "factory", "--key-file", cli.private_file("here"))
    outcome = cli.run("--json", "init", "--name", "other", "--key-file", cli.private_file("own"))
    assert outcome.code == 0
    del first["token"]
    assert outcome.json == {**first, "is_new": False}
    assert len(cli.json("token", "list")["items"]) == 1
    again = cli.run("init")
    assert "nothing was changed" in again.err
    assert "tieline_" not in again.out


@pytest.mark.parametrize("name", ["Factory", "-a", "a b", "x" * 64])
def test_bad_name_is_refused_and_nothing_is_made(cli, name):
    assert cli.error("init", f"--name={name}").startswith("name: use 1 to 63 of")
    assert not cli.directory.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no key", "is not PEM"),
        (small_pem(), "has 1024 bits; make a key of 2048 to 4096 bits"),
        (private_pem("here")[:300], "is damaged"),
    ],
)
def test_bad_key_is_refused_and_nothing_is_made(cli, content, words):
    message = cli.error("init", "--name", "a", "--key-file", cli.file("bad.pem", content))
    assert message.startswith(f"own_private_key: {words}")
    assert not cli.directory.exists()


def test_key_file_that_is_not_there_is_named(cli):
    message = cli.error("init", "--name", "a", "--key-file", "nowhere.pem")
    assert message == "own_private_key: file nowhere.pem cannot be read: No such file or directory"


def test_key_that_is_there_already_is_never_replaced(cli):
    cli.directory.mkdir(mode=0o700)
    KeyfileKeys(cli.directory / "keys").save("workspace", private_pem("own"))
    message = cli.error("init", "--name", "a", "--key-file", cli.private_file("here"))
    assert "holds another key already" in message
    kept = KeyfileKeys(cli.directory / "keys").load("workspace")
    expected = load_private_key(private_pem("own")).public_key()
    assert thumbprint(kept.public_key()) == thumbprint(expected)


def test_directory_that_others_can_read_is_refused(cli):
    cli.directory.mkdir(mode=0o755)
    cli.directory.chmod(0o755)
    assert "chmod 700" in cli.error("init", "--name", "a", "--key-file", cli.private_file("here"))


def test_init_of_a_workspace_elsewhere_is_refused(cli):
    assert "on this machine" in cli.error("--url", "https://w.example", "init")


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("Web-01.corp.example", "web-01"),
        ("my_host!", "my-host"),
        ("__", "workspace"),
        ("x" * 70, "x" * 63),
    ],
)
def test_host_name_is_made_fit(host, name):
    assert host_name_made_fit(host) == name


def test_looking_at_a_directory_makes_no_workspace(cli):
    message = cli.error("flow", "list")
    assert "tieline init" in message
    assert not cli.directory.exists()
