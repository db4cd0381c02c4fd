"""What the network does to a link, and that nothing is lost or done twice."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from fakes import ManualClock
from pair.world import Side, World, succeed
from tieline.adapters.loopback_transport import Fault
from tieline.errors import StoreUnavailableError
from tieline.protocol.states import Status

BAD = [fault for fault in Fault if fault != Fault.NONE]


def _work(world: World, cloud: Side, factory: Side, count: int = 10) -> list[str]:
    cloud.add_flow("report", succeed("c"))
    factory.add_flow("restart", succeed("f"))
    started = []
    for _ in range(count):
        started.append(cloud.begin("restart", on="factory"))
        started.append(factory.begin("report", on="cloud"))
        world.run_for(7)
    return started


def _check_all_done(cloud: Side, factory: Side, started: list[str]) -> None:
    for execution_id in started:
        here, there = cloud.get(execution_id), factory.get(execution_id)
        assert here.run == there.run
        assert here.run.status == Status.ENDED_SUCCESS
        assert not here.dirty_halves
        assert not there.dirty_halves
    assert sorted(cloud.effects + factory.effects) == sorted(started)


@pytest.mark.parametrize("fault", BAD)
def test_every_other_post_hit_by_one_fault_loses_nothing(
    linked: World, cloud: Side, factory: Side, fault: Fault
) -> None:
    linked.network.faults = lambda count: fault if count % 2 else Fault.NONE
    started = _work(linked, cloud, factory)
    linked.network.deliver_late(newest_first=True)
    linked.network.faults = lambda count: Fault.NONE
    linked.run_for(120)
    _check_all_done(cloud, factory, started)


@pytest.mark.parametrize("seed", range(12))
def test_random_faults_lose_nothing_and_do_nothing_twice(
    linked: World, cloud: Side, factory: Side, seed: int
) -> None:
    dice = random.Random(seed)

    def faults(count: int) -> Fault:
        if count % 9 == 0:
            linked.network.deliver_late(newest_first=dice.random() < 0.5)
        return dice.choice(BAD) if dice.random() < 0.5 else Fault.NONE

    linked.network.faults = faults
    started = _work(linked, cloud, factory)
    linked.network.faults = lambda count: Fault.NONE
    linked.network.deliver_late()
    linked.run_for(300)
    _check_all_done(cloud, factory, started)


def test_replayed_post_is_refused_and_changes_nothing(
    linked: World, cloud: Side, factory: Side
) -> None:
    cloud.add_flow("report", succeed())
    factory.begin("report", on="cloud")
    linked.run_for(10)
    before = [cloud.store.get(row.kind, row.id) for row in cloud.store.list("execution")]
    for old in list(linked.network.carried):
        answer = cloud.serve(old.path, old.headers, old.body)
        assert answer.status == 409
    after = [cloud.store.get(row.kind, row.id) for row in cloud.store.list("execution")]
    assert before == after


def test_post_that_cannot_be_stored_is_not_acked_and_sent_again(
    linked: World, cloud: Side, factory: Side
) -> None:
    linked.run_for(3)
    cloud.add_flow("report", succeed())
    started = factory.begin("report", on="cloud")
    cloud.store.refuse_writes(StoreUnavailableError("disk full"))
    linked.run_for(30)
    assert linked.network.carried[-1].answer.status == 503
    assert factory.get(started).control_mark.dirty == 1
    cloud.store.refuse_writes(None)
    linked.run_for(60)
    assert cloud.effects == [started]
    assert factory.get(started).run.status == Status.ENDED_SUCCESS


def test_reply_that_cannot_be_stored_is_sent_again(
    linked: World, cloud: Side, factory: Side
) -> None:
    linked.run_for(3)
    factory.add_flow("restart", succeed())
    started = cloud.begin("restart", on="factory")
    factory.store.refuse_writes(StoreUnavailableError("locked"))
    linked.run_for(30)
    assert cloud.get(started).control_mark.dirty
    factory.store.refuse_writes(None)
    linked.run_for(120)
    assert factory.effects == [started]
    assert cloud.get(started).run.status == Status.ENDED_SUCCESS


def test_clock_that_is_hours_off_is_allowed_for(world: World, cloud: Side, factory: Side) -> None:
    object.__setattr__(factory.workspace, "clock", SkewedClock(world.clock, -3 * 3600))
    world.link(factory, cloud, control="both", there_control="both")
    cloud.add_flow("report", succeed())
    started = factory.begin("report", on="cloud")
    world.run_for(30)
    assert cloud.effects == [started]


class SkewedClock:
    """The world's clock, read wrongly by a fixed number of seconds."""

    def __init__(self, clock: ManualClock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds

    def now(self) -> datetime:
        return self._clock.now() + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def random_bytes(self, count: int) -> bytes:
        return self._clock.random_bytes(count)
