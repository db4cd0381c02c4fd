"""send_all_executions and sync_interval."""

from __future__ import annotations

from pair.world import Side, World, succeed
from tieline.operations.records import EXECUTION, execution_of
from tieline.operations.start_execution import Request, start_execution
from tieline.protocol.execution import Execution
from tieline.protocol.states import Status


def _listed(side: Side) -> list[str]:
    rows = side.store.list(EXECUTION)
    return sorted(execution_of(row).execution.flow_name for row in rows)


def _start_nested(world: World, cloud: Side, factory: Side) -> str:
    """A flow in the cloud starts `outer` at the factory, which starts `inner` there."""

    def outer(execution: Execution) -> dict[str, object]:
        request = Request(flow_name="inner", parent_id=execution.id, sequence=1)
        start_execution(factory.workspace, request)
        return {"status": "ENDED_SUCCESS"}

    cloud.add_flow("parent", succeed())
    factory.add_flow("outer", outer)
    factory.add_flow("inner", succeed("deep"))
    parent = cloud.begin("parent")
    child = cloud.begin("outer", on="factory", parent_id=parent, sequence=1)
    world.run_for(30)
    assert cloud.get(child).run.status == Status.ENDED_SUCCESS
    return child


def test_off_reports_only_what_was_asked_for_and_only_to_its_parent(
    linked: World, cloud: Side, factory: Side
) -> None:
    child = _start_nested(linked, cloud, factory)
    assert _listed(cloud) == ["parent"]
    assert _listed(factory) == ["inner", "outer"]
    assert [row.id for row in cloud.store.children(EXECUTION, cloud.executions()[0].id)] == [child]


def test_on_shows_it_and_its_descendants_in_the_peers_list(
    world: World, cloud: Side, factory: Side
) -> None:
    world.link(factory, cloud, control="both", send_all_executions=True, there_control="both")
    child = _start_nested(world, cloud, factory)
    assert _listed(cloud) == ["inner", "outer", "parent"]
    inner = next(each for each in cloud.executions() if each.flow_name == "inner")
    assert inner.parent_id == child
    assert inner.run.status == Status.ENDED_SUCCESS
    assert inner.run.output_value == "deep"


def test_unset_interval_sends_a_change_at_once(linked: World, cloud: Side, factory: Side) -> None:
    cloud.add_flow("report", succeed())
    linked.run_for(5.5)
    started = factory.begin("report", on="cloud")
    linked.run_for(0.1)
    assert cloud.effects == [started]


def test_interval_of_two_seconds_posts_every_two_seconds(
    world: World, cloud: Side, factory: Side
) -> None:
    world.link(factory, cloud, control="both", sync_interval=2.0, there_control="both")
    assert world.run_for(60) == 31


def test_interval_of_two_seconds_delays_a_change_by_no_more(
    world: World, cloud: Side, factory: Side
) -> None:
    world.link(factory, cloud, control="both", sync_interval=2.0, there_control="both")
    cloud.add_flow("report", succeed())
    world.run_for(10.5)
    started = factory.begin("report", on="cloud")
    world.run_for(1.4)
    assert cloud.effects == []
    world.run_for(0.2)
    assert cloud.effects == [started]
    world.run_for(2.1)
    assert factory.get(started).run.status == Status.ENDED_SUCCESS


def test_interval_of_the_answering_side_spaces_its_changes(
    world: World, cloud: Side, factory: Side
) -> None:
    world.link(factory, cloud, control="both", there_control="both", there_sync_interval=20.0)
    factory.add_flow("restart", succeed())
    world.run_for(5)
    first = cloud.begin("restart", on="factory")
    world.run_for(5)
    second = cloud.begin("restart", on="factory")
    world.run_for(5)
    assert factory.effects == [first]
    world.run_for(20)
    assert factory.effects == [first, second]
