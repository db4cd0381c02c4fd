"""A flow started in one workspace runs in the other."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pair.world import Side, World, fail, succeed
from tieline.operations.append_log import ROW_BYTES, append_log
from tieline.operations.end_execution import recover_executions
from tieline.operations.read_log import read_log
from tieline.operations.want_execution import want_execution
from tieline.operations.workspace import change_execution
from tieline.protocol.execution import Role
from tieline.protocol.states import Desired, Status, StatusCode


def test_flow_started_by_the_answering_side_runs_at_the_dialler(
    linked: World, cloud: Side, factory: Side
) -> None:
    factory.add_flow("restart", succeed({"host": "m7"}))
    started = cloud.begin("restart", on="factory", input_value={"b": 1, "a": 2})
    linked.run_for(10)
    there, here = factory.get(started), cloud.get(started)
    assert factory.effects == [started]
    assert list(there.control.input_value) == ["b", "a"]
    assert there.run.status == here.run.status == Status.ENDED_SUCCESS
    assert here.run.output_value == {"host": "m7"}
    assert here.run == there.run
    assert (there.role, here.role) == (Role.EXECUTOR, Role.CONTROLLER)


def test_flow_started_by_the_dialler_runs_at_the_answering_side(
    linked: World, cloud: Side, factory: Side
) -> None:
    cloud.add_flow("report", succeed([1, 2]))
    started = factory.begin("report", on="cloud")
    linked.run_for(10)
    assert cloud.effects == [started]
    assert factory.get(started).run.output_value == [1, 2]


def test_failure_and_its_message_come_back(linked: World, cloud: Side, factory: Side) -> None:
    factory.add_flow("restart", fail("m7 is on fire"))
    started = cloud.begin("restart", on="factory")
    linked.run_for(10)
    run = cloud.get(started).run
    assert (run.status, run.status_code) == (Status.ENDED_ERROR, StatusCode.FAILED)
    assert run.message == "m7 is on fire"


def test_unknown_flow_there_is_rejected_with_both_names(
    linked: World, cloud: Side, factory: Side
) -> None:
    started = cloud.begin("restart", on="factory")
    linked.run_for(10)
    run = cloud.get(started).run
    assert (run.status, run.status_code) == (Status.ENDED_ERROR, StatusCode.REJECTED)
    assert run.message == "flow 'restart' does not exist in workspace 'factory'"
    assert factory.effects == []


def test_flow_that_is_not_exposed_is_rejected(world: World, cloud: Side, factory: Side) -> None:
    world.link(factory, cloud, control="both", expose_flows=["public-*"], there_control="both")
    factory.add_flow("restart", succeed())
    started = cloud.begin("restart", on="factory")
    world.run_for(10)
    assert cloud.get(started).run.status_code == StatusCode.REJECTED
    assert factory.effects == []


def test_log_arrives_whole_and_in_order(linked: World, cloud: Side, factory: Side) -> None:
    lines = [{"message": f"line {number} " + "x" * 2000} for number in range(300)]
    factory.add_flow("restart", lambda execution: {"status": "ENDED_SUCCESS", "log": lines})
    started = cloud.begin("restart", on="factory")
    linked.run_for(30)
    there = read_log(factory.workspace, started, 0, 10**7)
    here = read_log(cloud.workspace, started, 0, 10**7)
    assert there.data.count("\n") == 300
    assert here == there
    assert factory.get(started).log.acked == there.length


def test_start_waits_for_the_peers_epoch_and_takes_it(
    linked: World, cloud: Side, factory: Side
) -> None:
    factory.add_flow("restart", succeed())
    started = cloud.begin("restart", on="factory")
    assert cloud.get(started).control.target_epoch is None
    linked.run_for(10)
    assert factory.get(started).control.target_epoch == factory.workspace.epoch


def test_start_for_another_incarnation_is_lost(linked: World, cloud: Side, factory: Side) -> None:
    linked.run_for(3)
    factory.add_flow("restart", succeed())
    started = cloud.begin("restart", on="factory")
    object.__setattr__(factory.workspace, "epoch", factory.workspace.epoch + 1)
    linked.run_for(10)
    assert cloud.get(started).run.status_code == StatusCode.LOST
    assert factory.effects == []


def test_start_that_arrives_too_late_is_expired(linked: World, cloud: Side, factory: Side) -> None:
    linked.run_for(3)
    factory.add_flow("restart", succeed())
    linked.network.detach("cloud")
    started = cloud.begin("restart", on="factory", not_after_seconds=60)
    linked.run_for(120)
    linked.network.attach("cloud", cloud.serve)
    linked.run_for(120)
    assert cloud.get(started).run.status_code == StatusCode.EXPIRED
    assert factory.effects == []


def test_cancel_before_the_start_is_delivered_runs_nothing(
    linked: World, cloud: Side, factory: Side
) -> None:
    linked.run_for(3)
    factory.add_flow("restart", succeed())
    started = cloud.begin("restart", on="factory")
    want_execution(cloud.workspace, started, Desired.CANCEL)
    assert cloud.get(started).note == "cancel requested"
    linked.run_for(10)
    assert cloud.get(started).run.status == Status.ENDED_CANCELLED
    assert factory.get(started).run.status == Status.ENDED_CANCELLED
    assert factory.effects == []


def test_cancel_of_a_started_flow_reaches_its_runner(
    linked: World, cloud: Side, factory: Side
) -> None:
    factory.add_flow("restart", succeed())
    factory.is_busy = True
    started = cloud.begin("restart", on="factory")
    linked.run_for(5)
    assert cloud.get(started).run.status == Status.PENDING
    want_execution(cloud.workspace, started, Desired.CANCEL)
    linked.run_for(5)
    factory.is_busy = False
    linked.run_for(5)
    assert cloud.get(started).run.status == Status.ENDED_CANCELLED
    assert factory.effects == []


def test_cap_on_open_executions_delays_but_loses_nothing(
    world: World, cloud: Side, factory: Side
) -> None:
    world.link(factory, cloud, control="both", max_open_executions=2, there_control="both")
    factory.add_flow("restart", succeed())
    factory.is_busy = True
    started = [cloud.begin("restart", on="factory") for _ in range(5)]
    world.run_for(20)
    assert len(factory.executions()) == 2
    factory.is_busy = False
    world.run_for(60)
    assert all(cloud.get(each).run.status == Status.ENDED_SUCCESS for each in started)


def test_quiet_link_sends_no_records(linked: World, cloud: Side, factory: Side) -> None:
    factory.add_flow("restart", succeed())
    cloud.begin("restart", on="factory")
    linked.run_for(10)
    before = len(linked.network.carried)
    linked.run_for(600)
    idle = linked.network.carried[before:]
    assert idle
    assert all(b'"records":[]' in each.body for each in idle)
    assert all(b'"records":[]' in each.answer.body for each in idle if each.answer)


@pytest.mark.parametrize("count", [1, 250])
def test_many_starts_travel_in_pages(linked: World, cloud: Side, factory: Side, count: int) -> None:
    factory.add_flow("restart", succeed())
    started = [cloud.begin("restart", on="factory") for _ in range(count)]
    linked.run_for(30)
    assert sorted(factory.effects) == sorted(started)
    assert all(cloud.get(each).run.status == Status.ENDED_SUCCESS for each in started)
    assert cloud.store.count_dirty(next(iter(cloud.workspace.store.list("sync_config"))).id) == 0


def test_crash_of_a_cancelled_flow_still_cancels_its_children(
    linked: World, cloud: Side, factory: Side
) -> None:
    linked.run_for(3)
    cloud.add_flow("parent", succeed())
    parent = cloud.begin("parent")
    child = cloud.begin("restart", on="factory", parent_id=parent, is_held=True)
    kept = cloud.begin("restart", on="factory", parent_id=parent, is_held=True, is_detached=True)
    change_execution(
        cloud.workspace,
        parent,
        lambda found: replace(
            found,
            control=replace(found.control, desired=Desired.CANCEL),
            run=replace(found.run, status=Status.RUNNING),
        ),
    )
    recover_executions(cloud.workspace)
    assert cloud.get(parent).run.status == Status.ENDED_CANCELLED
    assert cloud.get(child).control.desired == Desired.CANCEL
    assert cloud.get(kept).control.desired == Desired.RUN


def test_log_of_long_lines_is_kept_in_rows_of_a_bearable_size(cloud: Side) -> None:
    cloud.add_flow("report", succeed())
    execution = cloud.begin("report")
    lines = [{"message": f"{number} " + "x" * 60_000} for number in range(20)]
    append_log(cloud.workspace, execution, lines)
    rows = cloud.store.children("log", execution)
    assert max(len(row.body) for row in rows) <= ROW_BYTES
    log = read_log(cloud.workspace, execution, 0, 10**7)
    assert [json.loads(line) for line in log.data.splitlines()] == lines
    middle = read_log(cloud.workspace, execution, ROW_BYTES - 10, 20)
    assert middle.data == log.data[ROW_BYTES - 10 : ROW_BYTES + 10]
