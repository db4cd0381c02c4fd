"""SIGTERM ends a host in order; a data directory has one host."""

from __future__ import annotations

from time import monotonic

import pytest

from system.conftest import Pair
from system.flow_scripts import CLEAN_UP_AT_GATE, ECHO, Scene
from system.host_process import is_alive, run_command
from system.site import Site
from system.waiting import settled

STOPS_WITHIN_SECONDS = 4.0
"""Less than draining may take: a flow ends when it is asked, and nothing else is under way."""


def test_agent_stopped_in_the_middle_of_a_flow_records_its_end_and_loses_nothing(
    pair: Pair, cloud: Site, on_prem: Site, scene: Scene
) -> None:
    on_prem.add_flow("wait", CLEAN_UP_AT_GATE)
    on_prem.add_flow("echo", ECHO)
    started = cloud.begin("wait", "on-prem", scene.input_value)
    flow = scene.wait_for_start()
    before = monotonic()
    assert on_prem.terminate() == 0
    assert monotonic() - before < STOPS_WITHIN_SECONDS
    assert not is_alive(flow)
    assert scene.lines == [str(flow), "cleaned up"]
    recorded = on_prem.execution(started)
    assert (recorded["status"], recorded["status_code"]) == ("ENDED_ERROR", "crashed")
    assert recorded["message"] == "the workspace was stopped while it ran"
    later = cloud.begin("echo", "on-prem", {"word": "later"})
    pair.start()
    assert cloud.ended(started)["message"] == recorded["message"]
    assert cloud.ended(later)["output_value"] == {"echo": "later"}
    assert len(scene.lines) == 2


def test_server_stops_while_it_holds_a_reply_and_loses_nothing(
    pair: Pair, cloud: Site, on_prem: Site, scene: Scene
) -> None:
    on_prem.add_flow("wait-on", CLEAN_UP_AT_GATE)
    started = cloud.begin("wait-on", "on-prem", scene.input_value)
    flow = scene.wait_for_start()
    before = monotonic()
    assert cloud.terminate() == 0
    assert monotonic() - before < STOPS_WITHIN_SECONDS
    scene.release("went on")
    assert on_prem.ended(started)["status"] == "ENDED_SUCCESS"
    pair.start()
    assert cloud.ended(started)["output_value"] == "went on"
    assert scene.lines == [str(flow), "cleaned up"]


@pytest.mark.parametrize("command", [["agent", "run"], ["serve", "--port", "0"]])
def test_second_host_on_a_data_directory_is_refused_in_words(
    on_prem: Site, command: list[str]
) -> None:
    refused = run_command("--data-dir", str(on_prem.directory), *command)
    assert refused.returncode == 1
    assert f"another process runs the workspace in {on_prem.directory}" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert on_prem.is_running


def test_idle_agent_stops_although_its_peer_holds_a_reply(
    pair: Pair, on_prem: Site, cloud: Site
) -> None:
    on_prem.add_flow("echo-again", ECHO)
    settled(lambda: cloud.health("on-prem")["last_contact_in"])
    before = monotonic()
    assert on_prem.terminate() == 0
    assert monotonic() - before < STOPS_WITHIN_SECONDS
    pair.start()
    assert cloud.ended(cloud.begin("echo-again", "on-prem", {"word": 1}))["status_code"] is None
