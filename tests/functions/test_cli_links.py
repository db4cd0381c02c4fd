"""Links from the command line: every option, every refusal in words, how a link is."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cli_runner import CommandLine
from fakes import private_pem, public_text
from tieline.adapters.sqlite_store import SqliteStore
from tieline.operations.records import link_row, load_config, load_link_state
from tieline.ports import Put
from tieline.protocol.keys import load_private_key, public_pem, thumbprint
from tieline.protocol.link import LinkState

URL = "https://cloud.example/api/latest/sync_config/factory/sync"


@pytest.fixture
def cli(tmp_path):
    line = CommandLine(tmp_path).init()
    yield line
    line.check_no_secret_was_printed()


def print_of(owner):
    return thumbprint(load_private_key(private_pem(owner)).public_key())


def remember(cli, **state):
    """Writes what the link `cloud` remembers of its exchanges."""
    store = SqliteStore(cli.directory / "tieline.db")
    link_id = load_config(store, "cloud").id
    _, version = load_link_state(store, link_id)
    store.write([Put(link_row(LinkState(id=link_id, **state), version))])
    store.close()


def create(cli, *options):
    return cli.json("link", "create", "cloud", *options)


def test_every_option_sets_its_field(cli):
    made = create(
        cli,
        *("--remote-url", URL),
        *("--remote-key", cli.public_file("peer")),
        *("--own-key", cli.private_file("own")),
        *("--no-verify", "--pin", ":".join(["AB"] * 32)),
        *("--control", "both"),
        *("--sync-interval", "2.5"),
        "--send-all-executions",
        *("--expose-flows", "a", "--expose-flows", "b-*"),
        *("--expose-settings", "s", "--expose-files", "f"),
        *("--writable-settings", "ws", "--writable-files", "wf"),
        *("--max-open-executions", "5", "--max-post-bytes", "65536"),
        *("--not-after-seconds", "60"),
        "--enable",
    )
    expected = {
        "remote_url": URL,
        "peer_fingerprint": print_of("peer"),
        "own_fingerprint": print_of("own"),
        "has_own_key": True,
        "verify_ssl_certificates": False,
        "pinned_certificate_sha256": "ab" * 32,
        "control": "both",
        "sync_interval": 2.5,
        "send_all_executions": True,
        "expose_flows": ["a", "b-*"],
        "expose_settings": ["s"],
        "expose_files": ["f"],
        "writable_settings": ["ws"],
        "writable_files": ["wf"],
        "max_open_executions": 5,
        "max_post_bytes": 65536,
        "not_after_seconds": 60,
        "is_enabled": True,
    }
    assert {name: made[name] for name in expected} == expected


def test_new_link_says_what_the_other_side_needs(cli):
    text = cli.ok("link", "create", "cloud")
    assert "disabled" in text
    assert "/api/latest/sync_config/cloud/sync" in text
    assert print_of("here") in text


def test_change_leaves_what_is_not_given(cli):
    made = create(cli, "--sync-interval", "5", "--remote-key", cli.public_file("peer"))
    assert cli.json("link", "set", "cloud", "--enable") == {**made, "is_enabled": True}
    assert cli.json("link", "set", "cloud", "--disable") == made


def test_interval_is_unset_by_none(cli):
    create(cli, "--sync-interval", "5")
    assert cli.json("link", "set", "cloud", "--sync-interval", "none")["sync_interval"] is None


def test_empty_values_unset(cli):
    create(
        cli,
        *("--own-key", cli.private_file("own"), "--remote-key", cli.public_file("peer")),
        *("--remote-url", URL),
    )
    made = cli.json(
        *("link", "set", "cloud", "--own-key", "", "--remote-key", ""),
        *("--remote-url", "", "--expose-flows", ""),
    )
    assert (made["own_fingerprint"], made["has_own_key"]) == (print_of("here"), False)
    assert (made["peer_fingerprint"], made["remote_url"], made["expose_flows"]) == ("", "", [])


def test_link_is_renamed(cli):
    create(cli)
    assert cli.json("link", "set", "cloud", "--rename", "other")["name"] == "other"


def test_change_of_nothing_is_refused(cli):
    create(cli)
    assert "none was given" in cli.error("link", "set", "cloud")


def test_links_are_listed_and_shown_without_keys(cli):
    create(cli, "--remote-key", cli.public_file("peer"), "--own-key", cli.private_file("own"))
    shown = cli.ok("link", "show", "cloud")
    assert print_of("peer") in shown
    assert print_of("peer") in cli.ok("link", "list")
    everything = shown + json.dumps(cli.json("link", "show", "cloud"))
    assert public_text("peer").splitlines()[1] not in everything


def test_link_is_deleted(cli):
    create(cli)
    cli.ok("link", "delete", "cloud")
    assert cli.json("link", "list")["items"] == []


def test_link_with_open_executions_is_deleted_only_by_force(cli):
    create(cli, "--remote-key", cli.public_file("peer"), "--enable", "--control", "both")
    started = cli.json("run", "any", "--on", "cloud", "--detach")
    assert "1 executions" in cli.error("link", "delete", "cloud")
    cli.ok("link", "delete", "cloud", "--force")
    assert cli.json("execution", "show", started["id"])["status_code"] == "lost"


@pytest.mark.parametrize(
    "arguments",
    [
        ("show",),
        ("set", "--enable"),
        ("delete",),
        ("status",),
        ("test",),
    ],
)
def test_unknown_link_is_named(cli, arguments):
    message = cli.error("link", arguments[0], "no", *arguments[1:])
    assert message == "sync config 'no' does not exist"


def small_keys():
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, public_pem(key.public_key())


BAD_INPUTS = [
    (("--remote-key", "pem:no key"), "remote_public_key: is not one PEM public key"),
    (("--remote-key", "pem:" + small_keys()[1]), "remote_public_key: has 1024 bits; make a key"),
    (("--remote-key", "pem:" + public_text("here")), "remote_public_key: is the public half"),
    (
        ("--remote-key", "pem:" + private_pem("peer").decode()),
        "remote_public_key: holds a private key",
    ),
    (("--remote-key", "nowhere"), "remote_public_key: file nowhere cannot be read"),
    (("--own-key", "pem:no key"), "own_private_key: is not PEM"),
    (("--own-key", "pem:" + small_keys()[0].decode()), "own_private_key: has 1024 bits"),
    (("--ca", "pem:no certificate"), "ca_certificate: must be one or more PEM certificates"),
    (
        ("--remote-url", "http://cloud.example/api/latest/sync_config/a/sync"),
        "remote_url: must begin with https://",
    ),
    (("--remote-url", "https://cloud.example"), "remote_url: must look like https://"),
    (("--sync-interval", "0"), "sync_interval: must be 1 to 86400 seconds"),
    (("--sync-interval", "often"), "sync_interval: must be a number of seconds, or none"),
    (("--sync-interval", "nan"), "sync_interval: must be "),
    (("--control", "all"), "control: "),
    (("--no-verify",), "verify_ssl_certificates: can be false only with"),
    (("--pin", "abc"), "pinned_certificate_sha256: must be the 64 hexadecimal digits"),
    (("--enable",), "remote_public_key: is missing"),
]


def with_files(cli, options):
    return [
        cli.file(f"option-{place}.pem", option.removeprefix("pem:"))
        if option.startswith("pem:")
        else option
        for place, option in enumerate(options)
    ]


@pytest.mark.parametrize(("options", "words"), BAD_INPUTS)
def test_bad_input_of_a_new_link_is_one_clear_line(cli, options, words):
    message = cli.error("link", "create", "cloud", *with_files(cli, options))
    assert message.startswith(words)
    assert cli.json("link", "list")["items"] == []


@pytest.mark.parametrize(("options", "words"), BAD_INPUTS)
def test_bad_input_of_a_change_changes_nothing(cli, options, words):
    made = create(cli)
    assert cli.error("link", "set", "cloud", *with_files(cli, options)).startswith(words)
    assert cli.json("link", "show", "cloud") == made


def test_bad_name_says_what_is_right(cli):
    message = cli.error("link", "create", "Cloud_1")
    assert message == "name: use 1 to 63 of a-z, 0-9 and '-', beginning with a letter or a digit"


def test_name_that_is_taken_is_refused(cli):
    create(cli)
    assert "exists already" in cli.error("link", "create", "cloud")


def test_status_of_a_new_link(cli):
    create(cli)
    assert "key is missing" in cli.ok("link", "status", "cloud")
    cli.ok("link", "set", "cloud", "--remote-key", cli.public_file("peer"))
    assert "disabled" in cli.ok("link", "status")


def test_status_says_when_the_last_verified_exchange_was(cli):
    create(cli, "--remote-key", cli.public_file("peer"), "--enable")
    remember(cli, last_contact_in=datetime.now(UTC) - timedelta(seconds=30))
    text = cli.ok("link", "status", "cloud")
    assert "working: the last verified exchange was 3" in text
    assert "nothing waits" in text
    assert cli.json("link", "status", "cloud")["health"] == "working"


def test_status_of_all_links_is_one_document(cli):
    create(cli)
    cli.ok("link", "create", "other")
    page = cli.json("link", "status")
    assert [each["name"] for each in page["items"]] == ["cloud", "other"]
    assert page["next"] is None


def test_status_takes_the_interval_into_account(cli):
    create(cli, "--remote-key", cli.public_file("peer"), "--enable", "--sync-interval", "3600")
    remember(cli, last_contact_in=datetime.now(UTC) - timedelta(seconds=3000))
    assert cli.json("link", "status", "cloud")["health"] == "working"
    cli.ok("link", "set", "cloud", "--sync-interval", "none")
    assert cli.json("link", "status", "cloud")["health"] == "silent"


def test_status_says_what_waits(cli):
    create(cli, "--remote-key", cli.public_file("peer"), "--enable", "--control", "both")
    cli.ok("run", "any", "--on", "cloud", "--detach")
    assert "1 change not delivered yet" in cli.ok("link", "status", "cloud")


def test_test_of_a_link_shows_the_step_that_fails(cli):
    create(cli)
    outcome = cli.run("link", "test", "cloud")
    assert outcome.code == 1
    assert outcome.out.startswith("FAIL  enabled ")
    document = cli.run("--json", "link", "test", "cloud")
    assert (document.code, document.json["is_working"]) == (1, False)


def test_test_of_a_link_that_was_heard_exits_with_0(cli):
    create(cli, "--remote-key", cli.public_file("peer"), "--enable")
    remember(cli, last_contact_in=datetime.now(UTC))
    assert "ok    exchange" in cli.ok("link", "test", "cloud")


def test_test_of_a_link_names_a_port_where_nobody_is(cli):
    create(
        cli,
        *("--remote-key", cli.public_file("peer"), "--enable"),
        *("--remote-url", "http://127.0.0.1:1/api/latest/sync_config/a/sync"),
    )
    outcome = cli.run("link", "test", "cloud")
    assert (outcome.code, "FAIL  connection" in outcome.out) == (1, True)
    facts = cli.json("link", "status", "cloud")
    assert facts["health"] in ("failing", "untried")
