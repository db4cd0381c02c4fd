"""A cancel crosses the link, and says ENDED_CANCELLED only when the flow's process is gone."""

from __future__ import annotations

import pytest

from system.flow_scripts import CLEAN_UP_AT_GATE, NEVER_END, Scene
from system.host_process import is_alive
from system.site import Site, seconds_between
from system.waiting import eventually

GRACE_SECONDS = 10.0
"""What a flow has for its clean-up (docs/flows.md §6)."""


def test_cancel_lets_the_flow_clean_up_and_ends_it_on_both_sides(
    cloud: Site, on_prem: Site, scene: Scene
) -> None:
    on_prem.add_flow("wait", CLEAN_UP_AT_GATE)
    started = cloud.begin("wait", "on-prem", scene.input_value)
    flow = scene.wait_for_start()
    cloud.change("POST", f"/execution/{started}/cancel")
    for ended in (cloud.ended(started, 3.0), on_prem.ended(started)):
        assert ended["status"] == "ENDED_CANCELLED"
    assert not is_alive(flow)
    assert scene.lines == [str(flow), "cleaned up"]


@pytest.mark.slow
def test_flow_that_ignores_the_cancel_is_killed_and_only_then_cancelled(
    cloud: Site, on_prem: Site, scene: Scene
) -> None:
    on_prem.add_flow("never-end", NEVER_END)
    started = cloud.begin("never-end", "on-prem", scene.input_value)
    flow = scene.wait_for_start()
    asked_at = cloud.change("POST", f"/execution/{started}/cancel")
    assert asked_at["desired"] == "cancel"

    def is_over() -> bool:
        """Never is it cancelled here or there while its process lives."""
        statuses = {cloud.status(started), on_prem.status(started)}
        assert not (is_alive(flow) and "ENDED_CANCELLED" in statuses)
        return statuses == {"ENDED_CANCELLED"}

    eventually(is_over)
    ended = on_prem.ended(started)
    assert cloud.ended(started)["ended_at"] == ended["ended_at"]
    assert seconds_between(ended["started_at"], ended["ended_at"]) >= GRACE_SECONDS
    assert seconds_between(ended["started_at"], ended["ended_at"]) < GRACE_SECONDS + 2.5
