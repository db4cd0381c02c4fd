"""Two workspaces in two processes run flows in each other, over TLS from a private CA."""

from __future__ import annotations

import pytest
import trustme

from system.conftest import Land, Pair
from system.flow_scripts import APPEND, ECHO, FAIL, Scene, ask
from system.site import Site, seconds_between
from system.waiting import eventually, settled


@pytest.mark.parametrize(("here", "there"), [("cloud", "on-prem"), ("on-prem", "cloud")])
def test_flow_started_in_one_process_runs_in_the_other(pair: Pair, here: str, there: str) -> None:
    asking, running = pair.side(here), pair.side(there)
    running.add_flow(f"echo-{there}", ECHO)
    started = asking.begin(f"echo-{there}", there, {"word": "grüß"})
    seen_here, seen_there = asking.ended(started), running.ended(started)
    assert seen_here["status"] == seen_there["status"] == "ENDED_SUCCESS"
    assert seen_here["output_value"] == seen_there["output_value"] == {"echo": "grüß"}
    assert seen_there["origin"] == f"remote: {here}"
    eventually(lambda: asking.log_lines(started) == running.log_lines(started))
    assert [line["fields"] for line in asking.log_lines(started)] == [{"word": "grüß"}]


@pytest.mark.parametrize(("here", "there"), [("cloud", "on-prem"), ("on-prem", "cloud")])
def test_flow_calls_a_flow_in_the_other_workspace_and_gets_its_output(
    pair: Pair, here: str, there: str
) -> None:
    asking, running = pair.side(here), pair.side(there)
    running.add_flow(f"answer-{there}", ECHO)
    asking.add_flow(f"ask-{there}", ask(f"answer-{there}", there))
    parent = asking.begin(f"ask-{there}", input_value={"word": "m7"})
    ended = asking.ended(parent)
    assert ended["output_value"] == {"answer": {"echo": "m7"}}
    (child,) = asking.children(parent)
    assert child["remote_workspace_name"] == there
    assert child["input_value"] == {"word": "m7"}
    assert running.ended(child["id"])["status"] == child["status"] == "ENDED_SUCCESS"


def test_start_made_beside_an_idle_server_is_sent_at_once(cloud: Site, on_prem: Site) -> None:
    on_prem.add_flow("echo-idle", ECHO)
    cloud.ended(cloud.begin("echo-idle", "on-prem", {"word": 1}))
    settled(lambda: cloud.health("on-prem")["last_contact_in"])
    ended = cloud.ended(cloud.begin("echo-idle", "on-prem", {"word": 2}))
    assert seconds_between(ended["created_at"], ended["started_at"]) < 1.0


def test_failure_there_and_its_message_are_seen_here(cloud: Site, on_prem: Site) -> None:
    on_prem.add_flow("fail", FAIL)
    started = cloud.begin("fail", "on-prem")
    for ended in (cloud.ended(started), on_prem.ended(started)):
        assert (ended["status"], ended["status_code"]) == ("ENDED_ERROR", "failed")
        assert ended["message"] == "the machine is on fire"


def test_failure_there_fails_the_waiting_parent(cloud: Site, on_prem: Site) -> None:
    on_prem.add_flow("fail-again", FAIL)
    cloud.add_flow("hope", ask("fail-again", "on-prem"))
    ended = cloud.ended(cloud.begin("hope", input_value={}))
    assert ended["status"] == "ENDED_ERROR"
    assert "the machine is on fire" in ended["message"]
    assert "DependencyFailedError" in ended["message"]


def test_wrong_authority_is_shown_as_tls_and_nothing_runs(
    cloud: Site, land: Land, scene: Scene
) -> None:
    agent = land.add("doubter")
    agent.add_flow("append", APPEND)
    cloud.link("doubter", control="both")
    url = f"{cloud.url}/api/latest/sync_config/doubter/sync"
    other = trustme.CA().cert_pem.bytes().decode()
    agent.link("cloud", control="both", remote_url=url, ca_certificate=other)
    started = cloud.begin("append", "doubter", {**scene.input_value, "number": 1})
    agent.start()
    eventually(lambda: agent.health("cloud")["failures"] >= 2)
    health = agent.health("cloud")
    assert health["last_error_reason"] == "tls"
    assert "certificate" in health["last_error_detail"]
    assert health["last_contact_out"] is None
    assert cloud.status(started) == "PENDING"
    assert cloud.health("doubter")["last_contact_in"] is None
    assert scene.lines == []


@pytest.mark.parametrize(
    ("output", "path"),
    [
        ("{'rows': [1, {'at': {3, 4}}]}", "$.rows[1].at"),
        ("{'total': float('nan')}", "$.total"),
        ("[object()]", "$[0]"),
    ],
)
def test_output_that_is_not_json_ends_in_an_error_that_names_the_path(
    cloud: Site, on_prem: Site, output: str, path: str
) -> None:
    name = f"bad-{abs(hash(output))}"
    on_prem.add_flow(name, f"def handler(system, this):\n    return {output}\n")
    started = cloud.begin(name, "on-prem")
    for ended in (cloud.ended(started), on_prem.ended(started)):
        assert (ended["status"], ended["status_code"]) == ("ENDED_ERROR", "failed")
        assert path in ended["message"]
        assert ended["output_value"] is None


def test_flow_that_does_not_exist_there_is_rejected_in_words(cloud: Site, on_prem: Site) -> None:
    started = cloud.begin("no-such-flow", "on-prem")
    for ended in (cloud.ended(started), on_prem.ended(started)):
        assert (ended["status"], ended["status_code"]) == ("ENDED_ERROR", "rejected")
        assert ended["message"] == "flow 'no-such-flow' does not exist in workspace 'on-prem'"
