"""Every rule of a sync config refuses by naming the field."""

from dataclasses import replace

import pytest
import trustme

from tieline.errors import InvalidFieldError
from tieline.protocol.config_check import check_config
from tieline.protocol.link import SyncConfig

URL = "https://cloud.example/api/latest/sync_config/factory/sync"
GOOD = SyncConfig(
    id="1",
    name="cloud",
    is_enabled=True,
    remote_url=URL,
    own_thumbprint="own",
    remote_public_key="pem",
    peer_thumbprint="peer",
)


def refused_field(**changes):
    with pytest.raises(InvalidFieldError) as caught:
        check_config(replace(GOOD, **changes))
    assert caught.value.problem
    return caught.value.field


def test_good_config_is_accepted():
    check_config(GOOD)


@pytest.mark.parametrize("name", ["a", "9", "a-b", "x" * 63])
def test_good_names_are_accepted(name):
    check_config(replace(GOOD, name=name))


@pytest.mark.parametrize(
    "name", ["", "-a", "A", "a_b", "a.b", "a/b", "ä", "a\n", "x" * 64, "(deleted link)"]
)
def test_bad_names_are_refused(name):
    assert refused_field(name=name) == "name"


@pytest.mark.parametrize(
    "url",
    [
        "",
        URL,
        "https://cloud.example:8443/prod/v1/api/latest/sync_config/factory/sync",
        "https://[2001:db8::1]/api/latest/sync_config/a/sync",
        "http://127.0.0.1:8080/api/latest/sync_config/a/sync",
        "http://localhost:8080/api/latest/sync_config/a/sync",
        "http://[::1]:8080/api/latest/sync_config/a/sync",
    ],
)
def test_good_urls_are_accepted(url):
    check_config(replace(GOOD, remote_url=url))


@pytest.mark.parametrize(
    "url",
    [
        "http://cloud.example/api/latest/sync_config/a/sync",
        "http://127.0.0.1.example/api/latest/sync_config/a/sync",
        "http://0.0.0.0/api/latest/sync_config/a/sync",
        "ftp://cloud.example/api/latest/sync_config/a/sync",
        "cloud.example/api/latest/sync_config/a/sync",
        "//cloud.example/api/latest/sync_config/a/sync",
        "https:///api/latest/sync_config/a/sync",
        "https://user@cloud.example/api/latest/sync_config/a/sync",
        "https://user:word@cloud.example/api/latest/sync_config/a/sync",
        "https://:@cloud.example/api/latest/sync_config/a/sync",
        URL + "?a=b",
        URL + "?",
        URL + "#here",
        URL + "#",
        URL + "/",
        "https://cloud.example/",
        "https://cloud.example/api/latest/sync_config/A/sync",
        "https://cloud.example/api/latest/sync_config//sync",
        "https://cloud.example/a//api/latest/sync_config/a/sync",
        "https://cloud.example:port/api/latest/sync_config/a/sync",
        "https://cloud.example:70000/api/latest/sync_config/a/sync",
        "https://cloud.example:0/api/latest/sync_config/a/sync",
        "https://[::1/api/latest/sync_config/a/sync",
        " " + URL,
        URL + "\n",
        "https://cloud.example\t/api/latest/sync_config/a/sync",
        "https://cloud.example\\@other/api/latest/sync_config/a/sync",
        "https://clöud.example/api/latest/sync_config/a/sync",
        "https://cloud.example/" + "a/" * 1100 + "api/latest/sync_config/a/sync",
    ],
)
def test_bad_urls_are_refused(url):
    assert refused_field(remote_url=url) == "remote_url"


def test_refusal_of_a_url_does_not_repeat_its_password():
    with pytest.raises(InvalidFieldError) as caught:
        check_config(replace(GOOD, remote_url=URL.replace("//", "//user:hunter2@")))
    assert "hunter2" not in str(caught.value)


def test_verification_is_off_only_with_a_pinned_certificate():
    assert refused_field(verify_ssl_certificates=False) == "verify_ssl_certificates"
    check_config(replace(GOOD, verify_ssl_certificates=False, pinned_certificate_sha256="aB" * 32))


@pytest.mark.parametrize("pin", ["ab", "zz" * 32, "ab:" * 31 + "ab", "ab" * 32 + "\n"])
def test_bad_pins_are_refused(pin):
    assert refused_field(pinned_certificate_sha256=pin) == "pinned_certificate_sha256"


def test_sealed_bodies_are_refused_for_now():
    assert refused_field(seal_bodies=True) == "seal_bodies"


def test_certificates_are_accepted_as_pem():
    authority = trustme.CA().cert_pem.bytes().decode()
    check_config(replace(GOOD, ca_certificate=authority))
    check_config(replace(GOOD, ca_certificate=authority * 2))


@pytest.mark.parametrize(
    "pem",
    [
        "x",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "x" * 70_000,
    ],
)
def test_other_things_than_certificates_are_refused(pem):
    assert refused_field(ca_certificate=pem) == "ca_certificate"


def test_own_key_is_no_peer():
    assert refused_field(own_thumbprint="peer") == "remote_public_key"


def test_link_without_a_peer_key_cannot_be_enabled():
    assert refused_field(remote_public_key="", peer_thumbprint="") == "remote_public_key"
    check_config(replace(GOOD, is_enabled=False, remote_public_key="", peer_thumbprint=""))


@pytest.mark.parametrize("interval", [None, 1, 1.0, 30.5, 86_400])
def test_good_intervals_are_accepted(interval):
    check_config(replace(GOOD, sync_interval=interval))


@pytest.mark.parametrize("interval", [0, 0.999, -1, 86_401, float("inf"), float("nan")])
def test_bad_intervals_are_refused(interval):
    assert refused_field(sync_interval=interval) == "sync_interval"


GLOB_FIELDS = [
    "expose_flows",
    "expose_settings",
    "expose_files",
    "writable_settings",
    "writable_files",
]


@pytest.mark.parametrize("field", GLOB_FIELDS)
@pytest.mark.parametrize("globs", ["*", [1], [""], ["x" * 256], ["a"] * 1001])
def test_bad_globs_are_refused(field, globs):
    assert refused_field(**{field: globs}) == field


@pytest.mark.parametrize(
    ("field", "least", "most"),
    [
        ("max_open_executions", 1, 100_000),
        ("max_post_bytes", 65_536, 4_194_304),
        ("not_after_seconds", 60, 2_592_000),
    ],
)
def test_limits_hold_at_both_ends(field, least, most):
    for value in (least, most):
        check_config(replace(GOOD, **{field: value}))
    for value in (least - 1, most + 1):
        assert refused_field(**{field: value}) == field
