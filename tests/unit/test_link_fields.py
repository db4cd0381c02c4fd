"""What an operator says about a sync config is checked without repeating it."""

import traceback

import pytest

from tieline.errors import InvalidFieldError
from tieline.operations.link_fields import WRITABLE_FIELDS, apply_fields
from tieline.protocol.link import ControlMode, SyncConfig

CONFIG = SyncConfig(id="1", name="a")


def test_fields_are_changed_and_the_rest_stays():
    changed = apply_fields(CONFIG, {"sync_interval": 5, "control": "both"})
    assert (changed.sync_interval, changed.control) == (5.0, ControlMode.BOTH)
    assert (changed.id, changed.name) == ("1", "a")


def test_secret_in_a_wrong_field_is_in_no_traceback():
    secret = "-".join(["not", "a", "number"])  # a traceback quotes source lines too
    with pytest.raises(InvalidFieldError) as caught:
        apply_fields(CONFIG, {"max_post_bytes": secret})
    assert caught.value.field == "max_post_bytes"
    assert secret not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("field", ["id", "has_own_key", "own_thumbprint", "peer_thumbprint", "no"])
def test_what_follows_from_other_fields_cannot_be_set(field):
    assert field not in WRITABLE_FIELDS
    with pytest.raises(InvalidFieldError) as caught:
        apply_fields(CONFIG, {field: "x"})
    assert caught.value.field == field


def test_empty_public_key_removes_the_fingerprint_too():
    config = SyncConfig(id="1", name="a", remote_public_key="pem", peer_thumbprint="print")
    assert apply_fields(config, {"remote_public_key": ""}).peer_thumbprint == ""
