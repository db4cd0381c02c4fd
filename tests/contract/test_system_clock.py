"""What the Clock port promises, by the machine's own clock."""

from __future__ import annotations

from datetime import UTC

from tieline.adapters.system_clock import SystemClock


def test_now_is_aware_utc() -> None:
    assert SystemClock().now().tzinfo is UTC


def test_monotonic_never_goes_back() -> None:
    clock = SystemClock()
    read = [clock.monotonic() for _ in range(1000)]
    assert read == sorted(read)


def test_random_bytes_are_as_many_as_asked_and_never_the_same() -> None:
    clock = SystemClock()
    drawn = {clock.random_bytes(16) for _ in range(100)}
    assert len(drawn) == 100
    assert {len(each) for each in drawn} == {16}
