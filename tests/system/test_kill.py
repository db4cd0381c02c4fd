"""SIGKILL of either process at any moment: the same end on both sides, started at most once."""

from __future__ import annotations

from pathlib import Path

import pytest

from system.conftest import Pair
from system.flow_scripts import APPEND, WAIT_AT_GATE, Scene
from system.host_process import is_alive
from system.site import Site
from system.waiting import eventually


def test_agent_killed_in_the_middle_of_a_flow_ends_it_as_crashed_on_both_sides(
    pair: Pair, cloud: Site, on_prem: Site, scene: Scene
) -> None:
    on_prem.add_flow("wait", WAIT_AT_GATE)
    started = cloud.begin("wait", "on-prem", scene.input_value)
    flow = scene.wait_for_start()
    eventually(lambda: cloud.status(started) == "RUNNING")
    on_prem.kill()
    assert not is_alive(flow)
    pair.start()
    for ended in (cloud.ended(started), on_prem.ended(started)):
        assert (ended["status"], ended["status_code"]) == ("ENDED_ERROR", "crashed")
        assert ended["message"] == "the workspace was stopped or crashed while it ran"
    assert scene.lines == [str(flow)]


def test_cloud_killed_in_the_middle_of_a_flow_gets_its_output_later(
    pair: Pair, cloud: Site, on_prem: Site, scene: Scene
) -> None:
    on_prem.add_flow("wait-on", WAIT_AT_GATE)
    started = cloud.begin("wait-on", "on-prem", scene.input_value)
    flow = scene.wait_for_start()
    cloud.kill()
    assert is_alive(flow)
    pair.start()
    scene.release("still here")
    for ended in (cloud.ended(started), on_prem.ended(started)):
        assert (ended["status"], ended["output_value"]) == ("ENDED_SUCCESS", "still here")
    assert scene.lines == [str(flow)]


def test_flow_that_ended_while_the_cloud_was_dead_is_reported_later(
    pair: Pair, cloud: Site, on_prem: Site, scene: Scene
) -> None:
    on_prem.add_flow("wait-alone", WAIT_AT_GATE)
    started = cloud.begin("wait-alone", "on-prem", scene.input_value)
    scene.wait_for_start()
    cloud.kill()
    scene.release("done alone")
    assert on_prem.ended(started)["status"] == "ENDED_SUCCESS"
    pair.start()
    assert cloud.ended(started)["output_value"] == "done alone"
    assert len(scene.lines) == 1


def test_agent_killed_before_it_told_the_end_tells_it_after_its_restart(
    pair: Pair, cloud: Site, on_prem: Site, scene: Scene
) -> None:
    on_prem.add_flow("wait-mute", WAIT_AT_GATE)
    started = cloud.begin("wait-mute", "on-prem", scene.input_value)
    scene.wait_for_start()
    cloud.kill()
    scene.release("untold")
    assert on_prem.ended(started)["status"] == "ENDED_SUCCESS"
    on_prem.kill()
    pair.start()
    assert cloud.ended(started)["output_value"] == "untold"
    assert len(scene.lines) == 1


COUNT = 8
POINTS = [0, 3, COUNT]
"""After how many effects the process is killed: right after the starts were written, in between,
and right after the last flow did its work."""


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("victim", ["on-prem", "cloud"])
def test_killed_at_any_point_starts_each_flow_at_most_once_and_ends_all_alike(
    pair: Pair, victim: str, point: int, tmp_path: Path
) -> None:
    pair.start()
    effects = tmp_path / "effects"
    effects.touch()
    pair.on_prem.add_flow(f"append-{victim}-{point}", APPEND)
    started = [
        pair.cloud.begin(
            f"append-{victim}-{point}", "on-prem", {"effects": str(effects), "number": number}
        )
        for number in range(COUNT)
    ]
    eventually(lambda: len(effects.read_text().splitlines()) >= point)
    pair.side(victim).kill()
    pair.start()
    done = [int(line) for line in effects.read_text().splitlines()]
    for number, execution_id in enumerate(started):
        here, there = pair.cloud.ended(execution_id), pair.on_prem.ended(execution_id)
        assert _final(here) == _final(there)
        done = [int(line) for line in effects.read_text().splitlines()]
        assert done.count(number) <= 1
        if victim == "cloud" or here["status"] == "ENDED_SUCCESS":
            assert _final(here) == ("ENDED_SUCCESS", None, None, number)
            assert done.count(number) == 1
        else:
            assert here["status_code"] == "crashed"
    eventually(lambda: pair.on_prem.health("cloud")["dirty_count"] == 0)
    eventually(lambda: pair.cloud.health("on-prem")["dirty_count"] == 0)


def _final(execution: dict[str, object]) -> tuple[object, ...]:
    return tuple(execution[name] for name in ("status", "status_code", "message", "output_value"))
