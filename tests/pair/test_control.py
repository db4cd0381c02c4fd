"""Who may start flows where, and what a peer that tries anyway gets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pair.world import Side, World, succeed
from tieline.adapters.loopback_transport import Fault, no_faults
from tieline.errors import DisabledError, ForbiddenError, UnknownLinkError
from tieline.operations.records import Versioned
from tieline.operations.workspace import write_executions
from tieline.protocol.execution import Control, Execution, Mark, Role
from tieline.protocol.states import Status, StatusCode


def test_auto_lets_the_dialler_start_flows(world: World, cloud: Side, factory: Side) -> None:
    world.link(factory, cloud)
    cloud.add_flow("report", succeed())
    started = factory.begin("report", on="cloud")
    world.run_for(10)
    assert factory.get(started).run.status == Status.ENDED_SUCCESS


def test_auto_refuses_at_the_call_where_the_remote_url_is_empty(
    world: World, cloud: Side, factory: Side
) -> None:
    world.link(factory, cloud)
    with pytest.raises(ForbiddenError, match=r"may not start flows in remote workspace 'factory'"):
        cloud.begin("restart", on="factory")
    assert cloud.executions() == []


def test_peer_that_starts_flows_in_a_reply_is_refused_per_record(
    world: World, cloud: Side, factory: Side
) -> None:
    world.link(factory, cloud)
    factory.add_flow("restart", succeed())
    world.run_for(3)
    forged = _forced_start(cloud, factory)
    other = factory.begin("report", on="cloud")
    world.run_for(10)
    assert factory.effects == []
    assert [each.id for each in factory.executions() if each.role == Role.EXECUTOR] == []
    refused = cloud.get(forged)
    assert refused.run.status_code == StatusCode.REJECTED
    assert "does not let this link start flows" in (refused.run.message or "")
    assert factory.get(other).run.status_code == StatusCode.REJECTED  # cloud has no such flow


def _forced_start(side: Side, peer: Side) -> str:
    """Writes a start past the check at the call, as a peer that means harm would."""
    config = side.world.configs[side.name, peer.name]
    execution = Execution(
        id="forged-start",
        role=Role.CONTROLLER,
        link_id=config.id,
        created_at=side.workspace.clock.now(),
        control=Control(flow_name="restart", target_epoch=peer.workspace.epoch),
        control_mark=Mark(rev=1, dirty=1),
    )
    write_executions(side.workspace, [Versioned(execution)])
    return execution.id


def test_both_urls_set_lets_both_start_flows(world: World, cloud: Side, factory: Side) -> None:
    world.link(
        factory,
        cloud,
        there_remote_url="https://factory/api/latest/sync_config/cloud/sync",
    )
    cloud.add_flow("report", succeed("from cloud"))
    factory.add_flow("restart", succeed("from factory"))
    first, second = factory.begin("report", on="cloud"), cloud.begin("restart", on="factory")
    world.run_for(10)
    assert factory.get(first).run.output_value == "from cloud"
    assert cloud.get(second).run.output_value == "from factory"


def test_explicit_control_lets_the_answering_side_start_flows_behind_nat(
    world: World, cloud: Side, factory: Side
) -> None:
    world.link(factory, cloud, control="incoming", there_control="outgoing")
    factory.add_flow("restart", succeed())
    started = cloud.begin("restart", on="factory")
    world.run_for(10)
    assert cloud.get(started).run.status == Status.ENDED_SUCCESS
    with pytest.raises(ForbiddenError):
        factory.begin("report", on="cloud")


def test_receiver_enforces_its_own_control(world: World, cloud: Side, factory: Side) -> None:
    world.link(factory, cloud, control="both", there_control="outgoing")
    cloud.add_flow("report", succeed())
    started = factory.begin("report", on="cloud")
    world.run_for(10)
    assert cloud.effects == []
    assert factory.get(started).run.status_code == StatusCode.REJECTED


def test_unknown_link_is_an_error_at_the_call(world: World, cloud: Side) -> None:
    with pytest.raises(UnknownLinkError, match="remote workspace 'factory' is unknown"):
        cloud.begin("restart", on="factory")


def test_disabled_link_is_an_error_at_the_call(linked: World, cloud: Side) -> None:
    linked.change_link(cloud, "factory", is_enabled=False)
    with pytest.raises(DisabledError, match="disabled"):
        cloud.begin("restart", on="factory")


def test_disabled_link_sends_nothing_and_open_executions_wait(
    linked: World, cloud: Side, factory: Side
) -> None:
    linked.run_for(3)
    factory.add_flow("restart", succeed())
    started = cloud.begin("restart", on="factory")
    linked.change_link(factory, "cloud", is_enabled=False)
    before = len(linked.network.carried)
    linked.run_for(600)
    assert len(linked.network.carried) == before
    assert cloud.get(started).run.status == Status.PENDING
    linked.change_link(factory, "cloud", is_enabled=True)
    linked.run_for(10)
    assert cloud.get(started).run.status == Status.ENDED_SUCCESS


def test_reply_that_comes_after_disabling_is_not_applied(
    linked: World, cloud: Side, factory: Side
) -> None:
    linked.run_for(3)
    factory.add_flow("restart", succeed())
    started = cloud.begin("restart", on="factory")

    def disable(count: int) -> Fault:
        del count
        linked.change_link(factory, "cloud", is_enabled=False)
        return Fault.NONE

    linked.network.faults = disable
    linked.run_for(30)
    assert factory.effects == []
    assert factory.executions() == []
    linked.network.faults = no_faults
    linked.change_link(factory, "cloud", is_enabled=True)
    linked.run_for(30)
    assert cloud.get(started).run.status == Status.ENDED_SUCCESS


def test_post_to_a_disabled_config_is_answered_403_signed(
    linked: World, cloud: Side, factory: Side
) -> None:
    linked.run_for(3)
    linked.change_link(cloud, "factory", is_enabled=False)
    linked.run_for(5)
    answer = linked.network.carried[-1].answer
    assert answer is not None
    assert answer.status == 403
    assert "signature" in answer.headers
    assert getattr(factory.errors[-1], "code", "") == "disabled"


def test_record_of_another_link_is_refused(world: World, cloud: Side, factory: Side) -> None:
    plant = world.add("plant")
    world.link(factory, cloud, control="both", there_control="both")
    world.link(plant, cloud, control="both", there_control="both")
    world.run_for(3)
    cloud.add_flow("report", succeed("private"))
    cloud.is_busy = True
    victim = factory.begin("report", on="cloud")
    world.run_for(3)
    config = world.configs["plant", "cloud"]
    stolen = Execution(
        id=victim,
        role=Role.CONTROLLER,
        link_id=config.id,
        created_at=plant.workspace.clock.now(),
        control=Control(flow_name="report", target_epoch=cloud.workspace.epoch),
        control_mark=Mark(rev=5, dirty=5),
    )
    write_executions(plant.workspace, [Versioned(stolen)])
    world.run_for(3)
    assert cloud.get(victim).control_mark.rev == 1
    assert plant.get(victim).run.output_value is None
    assert plant.get(victim).note is not None
    assert replace(cloud.get(victim)).link_id == world.configs["cloud", "factory"].id
