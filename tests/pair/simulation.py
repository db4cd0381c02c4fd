"""A seeded run of a linked pair under random faults, crashes and wishes, and the check of it.

Everything follows from the seed: `python -m pytest tests/pair/test_simulation.py -k "seed-17"`
repeats a failing run. Crashes happen at writes, just before or just after they are durable, which
is every point at which a kill -9 can make a difference.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pair.world import Side, World, fail, succeed
from tieline.adapters.loopback_transport import Fault
from tieline.adapters.memory_store import MemoryStore
from tieline.operations.end_execution import recover_executions
from tieline.operations.want_execution import want_execution
from tieline.ports import Change
from tieline.protocol.execution import Execution, Role
from tieline.protocol.states import Desired, Status, StatusCode

FAULTS = [fault for fault in Fault if fault != Fault.NONE]


class Crash(BaseException):
    """The process of a side is gone at this very point."""


@dataclass
class CrashingStore:
    """A store whose process may die at any write."""

    inner: MemoryStore
    dice: random.Random
    chance: float = 0.0

    def write(self, changes: Sequence[Change]) -> None:
        fate = self.dice.random()
        if fate < self.chance:
            raise Crash
        self.inner.write(changes)
        if fate > 1 - self.chance:
            raise Crash

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@dataclass
class Observed:
    """What was seen along the way, checked at every look."""

    ended: dict[tuple[str, str], Status] = field(default_factory=dict)
    revs: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def look(self, side: Side) -> None:
        for execution in side.everything():
            key = (side.name, execution.id)
            status = execution.run.status
            before = self.ended.get(key)
            assert before is None or before == status, f"I4: {key} went {before} -> {status}"
            if status.is_ended:
                self.ended[key] = status
            revs = (execution.control_mark.rev, execution.run_mark.rev)
            old = self.revs.get(key, (0, 0))
            assert revs[0] >= old[0], f"I3: control rev of {key} went back"
            assert revs[1] >= old[1], f"I3: run rev of {key} went back"
            self.revs[key] = revs


class Simulation:
    """One seeded run."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.world = World()
        self.sides = [self._side("cloud"), self._side("factory")]
        cloud, factory = self.sides
        options: dict[str, Any] = {"control": "both", "there_control": "both"}
        if self.dice.random() < 0.3:
            options["sync_interval"] = float(self.dice.choice([1, 5]))
        if self.dice.random() < 0.3:
            options["there_remote_url"] = "https://factory/api/latest/sync_config/cloud/sync"
        if self.dice.random() < 0.5:
            options["send_all_executions"] = True
        self.world.link(factory, cloud, **options)
        for side in self.sides:
            side.add_flow("works", succeed({"from": side.name}))
            side.add_flow("fails", fail("on purpose"))
            side.flows["logs"] = lambda execution: {
                "status": "ENDED_SUCCESS",
                "log": [{"message": f"{execution.id} {number}"} for number in range(5)],
            }
            side.add_flow("logs", side.flows["logs"])
        self.started: list[tuple[Side, str]] = []
        self.observed = Observed()
        self.crashes = 0

    def _side(self, name: str) -> Side:
        store = CrashingStore(MemoryStore(), self.dice)
        return self.world.add(name, store)

    def run(self, rounds: int = 40) -> None:
        """Lets things happen, then heals everything and checks the end."""
        self.world.network.faults = self._fault
        for side in self.sides:
            side.store.chance = 0.01
        for _ in range(rounds):
            self._guarded(self.dice.choice([self._start, self._start, self._cancel, self._busy]))
            self._guarded(lambda: self.world.run_for(self.dice.choice([0.01, 0.5, 3.0])))
            for side in self.sides:
                self.observed.look(side)
        self._heal()
        self._check()

    def _fault(self, count: int) -> Fault:
        del count
        if self.dice.random() < 0.1:
            self.world.network.deliver_late(newest_first=self.dice.random() < 0.5)
        return self.dice.choice(FAULTS) if self.dice.random() < 0.25 else Fault.NONE

    def _guarded(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Crash:
            self.crashes += 1
            self._restart()

    def _restart(self) -> None:
        """Restarts both, since either may be the one that died; a restart harms nobody."""
        for side in self.sides:
            chance, side.store.chance = side.store.chance, 0.0
            side.restart(f"instance-{side.name}-{self.crashes}")
            for execution in recover_executions(side.workspace):
                side.start(execution.id)
            side.store.chance = chance

    def _start(self) -> None:
        side = self.dice.choice(self.sides)
        peer = self.sides[1 - self.sides.index(side)]
        flow = self.dice.choice(["works", "works", "fails", "logs", "absent"])
        execution_id = side.begin(flow, on=peer.name)
        self.started.append((side, execution_id))

    def _cancel(self) -> None:
        if self.started:
            side, execution_id = self.dice.choice(self.started)
            want_execution(side.workspace, execution_id, Desired.CANCEL)

    def _busy(self) -> None:
        side = self.dice.choice(self.sides)
        side.is_busy = not side.is_busy

    def _heal(self) -> None:
        self.world.network.faults = lambda count: Fault.NONE
        for side in self.sides:
            side.store.chance = 0.0
            side.is_busy = False
            for dialling in side.links.values():
                dialling.failures, dialling.poll_at = 0, self.world.clock.monotonic()
        self.world.network.deliver_late()
        self.world.run_for(30)
        for side in self.sides:
            self.observed.look(side)

    def _check(self) -> None:
        cloud, factory = self.sides
        known = {side.name: {each.id: each for each in side.everything()} for side in self.sides}
        effects = cloud.effects + factory.effects
        assert len(effects) == len(set(effects)), "I1: a flow ran twice"
        for side, execution_id in self.started:
            peer = self.sides[1 - self.sides.index(side)]
            self._check_pair(known[side.name][execution_id], known[peer.name].get(execution_id))
        for side in self.sides:
            for execution in known[side.name].values():
                assert not execution.dirty_halves, f"I7: {side.name} still owes {execution}"
                assert execution.is_ended, f"I7: {execution.id} never ended in {side.name}"

    def _check_pair(self, here: Execution, there: Execution | None) -> None:
        assert there is not None, f"I7: {here} never arrived"
        assert here.role == Role.CONTROLLER
        assert there.role == Role.EXECUTOR
        assert here.run == there.run, f"I7: run halves differ: {here.run} {there.run}"
        assert here.run_mark.rev == there.run_mark.rev
        assert here.control_mark.rev == there.control_mark.rev
        assert here.control == there.control
        assert here.log.length == there.log.length, "I10: the log is not whole"
        if here.run.status == Status.ENDED_ERROR:
            assert here.run.status_code in (
                StatusCode.FAILED,
                StatusCode.REJECTED,
                StatusCode.CRASHED,
            )
