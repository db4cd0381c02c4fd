"""What an operator sets on a link takes effect between two running processes."""

from __future__ import annotations

from system.conftest import Land, Pair
from system.flow_scripts import ECHO, WAIT_AT_GATE, Scene, start_child
from system.site import Site, seconds_between
from system.waiting import eventually, settled

INTERVAL = 2
LATEST = INTERVAL + 0.6
"""One interval and the time that a loaded machine takes for two posts."""


def _delay(site: Site, started: str) -> float:
    """How long after its creation the flow began there; both clocks are this machine's."""
    ended = site.ended(started)
    return seconds_between(ended["created_at"], ended["started_at"])


def test_interval_of_two_seconds_sends_a_start_with_the_next_post_and_not_before(
    land: Land,
) -> None:
    pair = land.pair(sync_interval=INTERVAL)
    for site in (pair.cloud, pair.on_prem):
        site.add_flow("echo", ECHO)
    settled(lambda: pair.cloud.health("on-prem")["last_contact_in"])
    last = pair.cloud.health("on-prem")["last_contact_in"]
    eventually(lambda: pair.cloud.health("on-prem")["last_contact_in"] != last)
    outwards = pair.on_prem.begin("echo", "cloud", {})
    inwards = pair.cloud.begin("echo", "on-prem", {})
    assert 1.0 < _delay(pair.on_prem, outwards) < LATEST
    assert 1.0 < _delay(pair.cloud, inwards) < LATEST


def test_unset_interval_sends_a_start_at_once(pair: Pair, cloud: Site, on_prem: Site) -> None:
    for site in (cloud, on_prem):
        site.add_flow("echo-now", ECHO)
    settled(lambda: cloud.health("on-prem")["last_contact_in"])
    assert _delay(on_prem, on_prem.begin("echo-now", "cloud", {})) < 1.0
    settled(lambda: cloud.health("on-prem")["last_contact_in"])
    assert _delay(cloud, cloud.begin("echo-now", "on-prem", {})) < 1.0


def test_disabled_link_is_shown_to_the_other_side_and_heals_when_enabled(
    cloud: Site, on_prem: Site
) -> None:
    cloud.add_flow("echo-late", ECHO)
    cloud.change_link("on-prem", is_enabled=False)
    started = on_prem.begin("echo-late", "cloud", {"word": "late"})
    eventually(lambda: on_prem.health("cloud")["last_error_reason"] == "refused")
    assert "403 disabled" in on_prem.health("cloud")["last_error_detail"]
    refused = cloud.call("POST", "/execution", _start("echo-late", "on-prem"))
    assert (refused.status, refused.json["code"]) == (403, "disabled")
    assert on_prem.status(started) == "PENDING"
    cloud.change_link("on-prem", is_enabled=True)
    assert on_prem.ended(started)["output_value"] == {"echo": "late"}
    assert on_prem.health("cloud")["failures"] == 0


def test_link_disabled_while_a_reply_is_held_sends_nothing_more(
    cloud: Site, on_prem: Site, scene: Scene
) -> None:
    cloud.add_flow("wait", WAIT_AT_GATE)
    started = on_prem.begin("wait", "cloud", scene.input_value)
    scene.wait_for_start()
    eventually(lambda: on_prem.status(started) == "RUNNING")
    settled(lambda: cloud.health("on-prem")["last_contact_in"])
    cloud.change_link("on-prem", is_enabled=False)
    scene.release("secret")
    assert cloud.ended(started)["output_value"] == "secret"
    assert settled(lambda: on_prem.status(started)) == "RUNNING"
    cloud.change_link("on-prem", is_enabled=True)
    assert on_prem.ended(started)["output_value"] == "secret"


def test_send_all_executions_decides_what_the_peers_list_shows(cloud: Site, on_prem: Site) -> None:
    seen = {}
    for is_on, names in ((False, ("outer", "inner")), (True, ("outer-all", "inner-all"))):
        outer, inner = names
        on_prem.change_link("cloud", send_all_executions=is_on)
        on_prem.add_flow(inner, ECHO_NOTHING)
        on_prem.add_flow(outer, start_child(inner))
        cloud.add_flow(f"ask-{outer}", f"def handler(system, this):\n    {_ASK.format(outer)}\n")
        parent = cloud.begin(f"ask-{outer}")
        assert cloud.ended(parent)["status"] == "ENDED_SUCCESS"
        eventually(lambda: on_prem.health("cloud")["dirty_count"] == 0)
        seen[is_on] = {each["flow_name"] for each in cloud.listed()} & {*names, f"ask-{outer}"}
        assert [each["flow_name"] for each in cloud.children(parent)] == [outer]
        assert {outer, inner} <= {each["flow_name"] for each in on_prem.listed()}
    assert seen == {False: {"ask-outer"}, True: {"ask-outer-all", "outer-all", "inner-all"}}


ECHO_NOTHING = "def handler(system, this):\n    return 'deep'\n"
_ASK = "return this.flow({!r}, remote_workspace_name='on-prem').get('output_value')"


def _start(flow: str, link: str) -> dict[str, str]:
    return {"flow_name": flow, "remote_workspace_name": link}
