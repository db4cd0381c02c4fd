"""Ids are UUIDv7."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tieline.protocol.ids import new_id

NOON = datetime(2026, 5, 4, 12, 0, 0, 123000, tzinfo=UTC)


def test_id_is_a_uuid_of_version_7_and_the_rfc_variant():
    made = UUID(new_id(NOON, b"\xff" * 10))
    assert (made.version, made.variant) == (7, "specified in RFC 4122")


def test_id_matches_the_example_of_the_rfc():
    at = datetime.fromtimestamp(0x017F22E279B0 / 1000, UTC)
    bits = (0xCC3 << 68) | 0x18C4DC0C0C07398F
    assert new_id(at, bits.to_bytes(10)) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


def test_later_ids_are_greater_whatever_the_random_bytes():
    later = NOON + timedelta(milliseconds=1)
    assert new_id(NOON, b"\xff" * 10) < new_id(later, b"\0" * 10)


def test_every_random_byte_matters():
    ids = {new_id(NOON, bytes(4 if i == n else 0 for i in range(10))) for n in range(10)}
    assert len(ids) == 10


def test_too_few_random_bytes_are_refused():
    with pytest.raises(ValueError, match="10 random bytes"):
        new_id(NOON, b"\0" * 9)
