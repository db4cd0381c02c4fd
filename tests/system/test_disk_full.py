"""A receiver whose disk is full acknowledges nothing, and gets everything once it has room."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from system.conftest import Land, Pair
from system.flow_scripts import APPEND
from system.small_disk import Disk, MountRefusedError, size_limit, small_file_system
from system.waiting import eventually

COUNT = 4
BULK = "x" * 200_000
"""More than is free in pages that the database already has."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A real small disk where the test may mount one, else a limit that acts like one."""
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(small_file_system(tmp_path / "disk"))
        except MountRefusedError:
            disk = stack.enter_context(size_limit(tmp_path / "limited"))
        yield disk


@pytest.mark.parametrize("receiver", ["cloud", "on-prem"])
def test_posts_to_a_full_disk_are_not_acknowledged_and_arrive_once_later(
    disk: Disk, land: Land, receiver: str, tmp_path: Path
) -> None:
    pair = _pair(land, disk, receiver)
    sender = "on-prem" if receiver == "cloud" else "cloud"
    sending, receiving = pair.side(sender), pair.side(receiver)
    effects = tmp_path / "effects"
    effects.touch()
    receiving.add_flow("append", APPEND)
    inputs = [{"effects": str(effects), "number": each, "bulk": BULK} for each in range(COUNT)]
    sending.ended(sending.begin("append", receiver, inputs[0]))
    disk.fill(receiving)
    started = [sending.begin("append", receiver, each) for each in inputs[1:]]
    _wait_for_tries(pair, receiver)
    # What fits into space that the database already has may be stored, and acked then.
    acked = len(started) - sending.health(receiver)["dirty_count"]
    stored = [each for each in started if receiving.status(each) != "unknown"]
    assert acked <= len(stored)
    assert {sending.status(each) for each in started} == {"PENDING"}
    disk.make_room(receiving)
    for each in started:
        assert sending.ended(each)["status"] == receiving.ended(each)["status"] == "ENDED_SUCCESS"
    assert sorted(map(int, effects.read_text().splitlines())) == list(range(COUNT))
    eventually(lambda: sending.health(receiver)["dirty_count"] == 0)


def _pair(land: Land, disk: Disk, receiver: str) -> Pair:
    where = {receiver: disk.directory}
    cloud = land.add("cloud", serves=True, directory=where.get("cloud"))
    pair = Pair(cloud, land.add("on-prem", directory=where.get("on-prem")), land.ca())
    pair.cloud.start()
    pair.link()
    pair.on_prem.start()
    return pair


def _wait_for_tries(pair: Pair, receiver: str) -> None:
    """Waits until a post was tried again: the dialler has a word for a refusal, and a dialler
    that cannot store anything, not even that word, comes again."""
    if receiver == "cloud":
        eventually(lambda: pair.on_prem.health("cloud")["failures"])
        return
    seen: set[str] = set()

    def came_again() -> bool:
        seen.add(pair.cloud.health("on-prem")["last_contact_in"])
        return len(seen) >= 2

    eventually(came_again)
