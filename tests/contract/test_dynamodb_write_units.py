"""What one remote execution costs in write units, with the cloud on either end of it.

The numbers are exact, so that whoever changes one sees it here. The design asks for 8 at most;
it is 7 for the controller that is dialled, 9 for the one that dials, and 14 for the executor.
Rows of kind `link` are written once per post, whatever it carries, and are counted apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from contract.aws import TABLE, client_of, open_store
from contract.write_meter import WriteMeter
from pair.world import Flow, Side, World, succeed
from tieline.operations.records import LINK, LOG

AS_CONTROLLER = {
    # Made, ended. The end comes in one transaction with the link's row, where items count twice.
    "execution": 1 + 2,
    # Dirty until the start is acked, open until the end.
    "execution/dirty": 2,
    "execution/members": 2,
}
# A side that dials gets the ack of its start alone, in the answer to the post that carries it.
AS_DIALLING_CONTROLLER = {**AS_CONTROLLER, "execution": 1 + 2 + 2}
AS_EXECUTOR = {
    # Accepted (in a transaction), claimed, ended, acked (in a transaction).
    "execution": 2 + 1 + 1 + 2,
    # Dirty from the first moment, another rank at the end, clean when that is acked.
    "execution/dirty": 1 + 2 + 1,
    "execution/due": 2,
    "execution/members": 2,
}


@dataclass
class Cloud:
    """A side whose store is DynamoDB, its peer, and what its writes cost."""

    world: World
    here: Side
    peer: Side
    meter: WriteMeter

    def run(self, begins: Side, on: str, flow: Flow) -> WriteMeter:
        """Runs one flow until both sides have nothing to say; gives what that cost here."""
        for side in (self.here, self.peer):
            side.add_flow("restart", flow)
        self.meter.units.clear()
        started = begins.begin("restart", on=on, input_value={"host": "m7"})
        while not self._is_settled(started):
            self.world.run_for(0.05)
        return self.meter

    def _is_settled(self, execution_id: str) -> bool:
        sides = (self.here, self.peer)
        if any(side.store.get("execution", execution_id) is None for side in sides):
            return False
        found = [side.get(execution_id) for side in sides]
        return all(each.is_ended and not each.dirty_halves for each in found)


def test_totals_are_those_in_the_docstring() -> None:
    wholes = (AS_CONTROLLER, AS_DIALLING_CONTROLLER, AS_EXECUTOR)
    assert [sum(each.values()) for each in wholes] == [7, 9, 14]


@pytest.fixture(params=["answers", "dials"])
def linked_cloud(cloud: None, request: pytest.FixtureRequest) -> Iterator[Cloud]:
    client = client_of("dynamodb")
    meter = WriteMeter()
    meter.watch(client)
    world = World()
    here = Side(name="cloud", world=world, store=open_store(client))
    world.sides.append(here)
    peer = world.add("factory")
    ends = (here, peer) if request.param == "dials" else (peer, here)
    world.link(*ends, control="both", there_control="both")
    world.run_for(3)
    yield Cloud(world, here, peer, meter)
    here.store.close()


def without(meter: WriteMeter, *kinds: str) -> dict[str, int]:
    return {what: units for what, units in meter.units.items() if what.split("/")[0] not in kinds}


def test_execution_that_the_cloud_controls_costs_what_is_written_here(
    linked_cloud: Cloud,
) -> None:
    meter = linked_cloud.run(linked_cloud.here, "factory", succeed({"done": True}))
    expected = AS_DIALLING_CONTROLLER if linked_cloud.here.links else AS_CONTROLLER
    assert without(meter, LINK) == expected
    assert meter.refused == 0


def test_execution_that_the_cloud_runs_costs_what_is_written_here(linked_cloud: Cloud) -> None:
    meter = linked_cloud.run(linked_cloud.peer, "cloud", succeed({"done": True}))
    assert without(meter, LINK) == AS_EXECUTOR
    assert meter.refused == 0


def test_link_row_is_written_once_per_post(linked_cloud: Cloud) -> None:
    world, meter = linked_cloud.world, linked_cloud.meter
    meter.units.clear()
    before = world.network.count
    world.run_for(60)
    assert meter.units == {LINK: world.network.count - before}


def test_piece_of_log_costs_its_row_and_its_executions(linked_cloud: Cloud) -> None:
    lines = [{"message": "x"}] * 3

    def flow(execution: Any) -> dict[str, Any]:
        del execution
        return {"status": "ENDED_SUCCESS", "log": lines}

    meter = linked_cloud.run(linked_cloud.peer, "cloud", flow)
    assert {what: meter.units[what] for what in (LOG, "log/parent")} == {LOG: 2, "log/parent": 1}
    assert meter.units["execution"] == AS_EXECUTOR["execution"] + 2


def test_row_of_a_full_execution_still_costs_one_unit(linked_cloud: Cloud) -> None:
    """Its JSON is over 1 KB; without deflating, every write of it would cost two."""
    meter = linked_cloud.run(
        linked_cloud.peer, "cloud", succeed({f"field_{number}": number for number in range(60)})
    )
    row = linked_cloud.here.store.list("execution")[0]
    assert len(row.body) > 1500
    assert meter.units["execution"] == AS_EXECUTOR["execution"]


def test_meter_counts_a_key_that_changes_twice_and_large_items_by_the_kilobyte() -> None:
    meter = WriteMeter()
    done: dict[str, Any] = {"ResponseMetadata": {"HTTPStatusCode": 200}}

    def put(size: int, **places: str) -> None:
        texts = {"pk": "k", "sk": "a", **places, "body": "x" * size}
        item = {name: {"S": text} for name, text in texts.items()}
        context: dict[str, Any] = {}
        meter._remember({"TableName": TABLE, "Item": item}, context)
        meter._count(done, context)

    put(10, dirty_link="l", dirty_key="03#a")
    put(10, dirty_link="l", dirty_key="01#a")
    put(3000)
    assert meter.units == {"k": 1 + 1 + 3, "k/dirty": 1 + 2 + 1}
    put(10)
    assert meter.units["k"] == 8
