"""The apply rules: what becomes of a record that a peer sent (docs/protocol.md §3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tieline.protocol.execution import Control, Execution, Half, Log, Mark, Role, Run
from tieline.protocol.link import ControlMode, SyncConfig
from tieline.protocol.merge import (
    Site,
    clear_mark,
    give_up,
    merge_control,
    merge_log,
    merge_run,
)
from tieline.protocol.messages import LogBody, ResultStatus
from tieline.protocol.states import Desired, Status, StatusCode

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
EPOCH = 7


def site(**fields: Any) -> Site:
    config = SyncConfig(id="link", name="peer", is_enabled=True, **fields.pop("config", {}))
    facts: dict[str, Any] = {
        "workspace_name": "here",
        "epoch": EPOCH,
        "config": config,
        "peer_opened": True,
        "now": NOW,
        "has_flow": lambda name: name == "restart",
        "open_count": lambda: 0,
    }
    return Site(**{**facts, **fields})


def wish(**fields: Any) -> Control:
    return Control(**{"flow_name": "restart", "target_epoch": EPOCH, **fields})


def held(role: Role, **fields: Any) -> Execution:
    return Execution(
        **{
            "id": "e",
            "role": role,
            "link_id": "link",
            "created_at": NOW,
            "control": wish(),
            **fields,
        }
    )


class TestUnknownStart:
    def test_is_created_pending_with_its_run_half_dirty(self) -> None:
        created = merge_control(None, "e", wish(), 3, site())
        assert created.ack == 3
        assert created.execution is not None
        assert created.execution.run.status == Status.PENDING
        assert created.execution.role == Role.EXECUTOR
        assert created.execution.control_mark == Mark(rev=3)
        assert created.execution.run_mark == Mark(rev=1, dirty=1)

    @pytest.mark.parametrize(
        ("control", "code"),
        [
            (wish(target_epoch=EPOCH - 1), StatusCode.LOST),
            (wish(target_epoch=None), StatusCode.LOST),
            (wish(not_after=NOW - timedelta(seconds=1)), StatusCode.EXPIRED),
            (wish(flow_name="absent"), StatusCode.REJECTED),
        ],
    )
    def test_that_may_not_start_is_created_ended(self, control: Control, code: StatusCode) -> None:
        created = merge_control(None, "e", control, 1, site()).execution
        assert created is not None
        assert (created.run.status, created.run.status_code) == (Status.ENDED_ERROR, code)

    def test_cancelled_already_is_created_cancelled(self) -> None:
        created = merge_control(None, "e", wish(desired=Desired.CANCEL), 2, site()).execution
        assert created is not None
        assert created.run.status == Status.ENDED_CANCELLED

    def test_cancelled_already_is_accepted_even_at_the_cap(self) -> None:
        full = site(open_count=lambda: 1000)
        assert merge_control(None, "e", wish(desired=Desired.CANCEL), 2, full).execution
        refused = merge_control(None, "e", wish(), 2, full)
        assert (refused.status, refused.execution, refused.ack) == (ResultStatus.RETRY, None, 0)

    def test_by_a_peer_without_control_leaves_no_row(self) -> None:
        for closed in (
            site(peer_opened=False),
            site(config={"control": ControlMode.OUTGOING}),
        ):
            refused = merge_control(None, "e", wish(), 1, closed)
            assert (refused.execution, refused.ack) == (None, 0)
            assert (refused.status, refused.code) == (ResultStatus.REJECTED, "control")

    def test_is_judged_by_the_exposed_flows_first(self) -> None:
        hidden = site(config={"expose_flows": ("public-*",)})
        created = merge_control(None, "e", wish(), 1, hidden).execution
        assert created is not None
        assert created.run.message == "flow 'restart' is not exposed by workspace 'here'"


class TestKnownControl:
    @pytest.mark.parametrize("rev", [1, 4, 5])
    def test_of_an_old_rev_changes_nothing_and_is_acked_with_the_one_held(self, rev: int) -> None:
        found = held(Role.EXECUTOR, control_mark=Mark(rev=5))
        outcome = merge_control(found, "e", wish(desired=Desired.CANCEL), rev, site())
        assert (outcome.execution, outcome.ack) == (None, 5)

    def test_of_a_newer_rev_brings_the_wish_and_nothing_else(self) -> None:
        found = held(Role.EXECUTOR, control_mark=Mark(rev=5), run=Run(status=Status.RUNNING))
        other = wish(desired=Desired.PAUSE, flow_name="evil", input_value={"x": 1})
        changed = merge_control(found, "e", other, 6, site()).execution
        assert changed is not None
        assert changed.control == replace(found.control, desired=Desired.PAUSE)
        assert changed.control_mark.rev == 6

    def test_cancel_ends_what_was_not_started(self) -> None:
        found = held(Role.EXECUTOR, control_mark=Mark(rev=1))
        changed = merge_control(found, "e", wish(desired=Desired.CANCEL), 2, site()).execution
        assert changed is not None
        assert changed.run.status == Status.ENDED_CANCELLED

    def test_cancel_leaves_the_status_of_what_runs(self) -> None:
        found = held(Role.EXECUTOR, control_mark=Mark(rev=1), run=Run(status=Status.RUNNING))
        changed = merge_control(found, "e", wish(desired=Desired.CANCEL), 2, site()).execution
        assert changed is not None
        assert changed.run.status == Status.RUNNING

    def test_back_from_cancel_is_invalid(self) -> None:
        found = held(Role.EXECUTOR, control=wish(desired=Desired.CANCEL), control_mark=Mark(rev=2))
        outcome = merge_control(found, "e", wish(desired=Desired.RUN), 3, site())
        assert (outcome.status, outcome.execution) == (ResultStatus.INVALID, None)

    @pytest.mark.parametrize(
        "found",
        [
            held(Role.CONTROLLER),
            held(Role.LOCAL, link_id=None),
            held(Role.EXECUTOR, link_id="other"),
            held(Role.REPORTED),
        ],
    )
    def test_of_what_the_peer_does_not_control_is_refused(self, found: Execution) -> None:
        outcome = merge_control(found, "e", wish(desired=Desired.CANCEL), 99, site())
        assert (outcome.status, outcome.execution) == (ResultStatus.REJECTED, None)


class TestRun:
    def test_of_a_newer_rev_is_applied_and_acked(self) -> None:
        found = held(Role.CONTROLLER, run_mark=Mark(rev=1), note="cancel requested")
        run = Run(status=Status.ENDED_SUCCESS, output_value={"a": 1})
        outcome = merge_run(found, None, "e", run, 4, site())
        assert outcome.ack == 4
        assert outcome.execution is not None
        assert (outcome.execution.run, outcome.execution.note) == (run, None)

    @pytest.mark.parametrize("rev", [2, 3])
    def test_of_an_old_rev_changes_nothing(self, rev: int) -> None:
        found = held(Role.CONTROLLER, run_mark=Mark(rev=3), run=Run(status=Status.RUNNING))
        outcome = merge_run(found, None, "e", Run(status=Status.SLEEPING), rev, site())
        assert (outcome.execution, outcome.ack) == (None, 3)

    def test_after_the_end_is_invalid(self) -> None:
        found = held(Role.CONTROLLER, run_mark=Mark(rev=3), run=Run(status=Status.ENDED_SUCCESS))
        outcome = merge_run(found, None, "e", Run(status=Status.ENDED_ERROR), 4, site())
        assert (outcome.status, outcome.execution, outcome.ack) == (ResultStatus.INVALID, None, 0)

    @pytest.mark.parametrize(
        "found",
        [held(Role.EXECUTOR), held(Role.LOCAL, link_id=None), held(Role.CONTROLLER, link_id="x")],
    )
    def test_of_what_the_peer_does_not_run_is_refused(self, found: Execution) -> None:
        run = Run(status=Status.ENDED_SUCCESS)
        outcome = merge_run(found, None, "e", run, 99, site())
        assert (outcome.status, outcome.execution) == (ResultStatus.REJECTED, None)

    def test_of_an_unknown_execution_is_refused(self) -> None:
        outcome = merge_run(None, None, "e", Run(status=Status.RUNNING), 1, site())
        assert (outcome.status, outcome.execution) == (ResultStatus.REJECTED, None)

    def test_of_a_descendant_is_observed_below_its_parent(self) -> None:
        parent = held(Role.CONTROLLER, id="p")
        run = Run(status=Status.RUNNING, parent_id="p", flow_name="inner", is_listed=True)
        created = merge_run(None, parent, "e", run, 2, site()).execution
        assert created is not None
        assert (created.role, created.parent_id, created.is_in_list) == (Role.OBSERVED, "p", True)

    def test_of_a_descendant_that_overtook_its_parent_is_asked_for_again(self) -> None:
        run = Run(status=Status.RUNNING, parent_id="p", flow_name="inner")
        assert merge_run(None, None, "e", run, 2, site()).status == ResultStatus.RETRY

    @pytest.mark.parametrize(
        "parent", [held(Role.EXECUTOR, id="p"), held(Role.CONTROLLER, id="p", link_id="other")]
    )
    def test_of_a_descendant_of_something_else_is_refused(self, parent: Execution) -> None:
        run = Run(status=Status.RUNNING, parent_id="p", flow_name="inner")
        assert merge_run(None, parent, "e", run, 2, site()).status == ResultStatus.REJECTED


class TestLog:
    def test_grows_at_its_end(self) -> None:
        found = held(Role.CONTROLLER, log=Log(length=10))
        outcome, text = merge_log(found, LogBody(from_=10, data="abc"), 100, site())
        assert (outcome.ack, text) == (13, "abc")

    def test_overlap_is_cut(self) -> None:
        found = held(Role.CONTROLLER, log=Log(length=10))
        outcome, text = merge_log(found, LogBody(from_=8, data="abcd"), 100, site())
        assert (outcome.ack, text) == (12, "cd")

    def test_known_bytes_are_acked_and_not_appended(self) -> None:
        found = held(Role.CONTROLLER, log=Log(length=10))
        outcome, text = merge_log(found, LogBody(from_=2, data="abc"), 100, site())
        assert (outcome.ack, outcome.execution, text) == (10, None, "")

    def test_gap_is_asked_for_again(self) -> None:
        found = held(Role.CONTROLLER, log=Log(length=10))
        outcome, text = merge_log(found, LogBody(from_=11, data="abc"), 100, site())
        assert (outcome.status, outcome.code, outcome.ack, text) == (
            ResultStatus.RETRY,
            "gap",
            10,
            "",
        )

    def test_over_the_cap_is_refused(self) -> None:
        found = held(Role.CONTROLLER, log=Log(length=99))
        outcome, text = merge_log(found, LogBody(from_=99, data="ab"), 100, site())
        assert (outcome.status, text) == (ResultStatus.REJECTED, "")

    def test_of_our_own_execution_is_refused(self) -> None:
        outcome, _ = merge_log(held(Role.EXECUTOR), LogBody(from_=0, data="x"), 100, site())
        assert outcome.status == ResultStatus.REJECTED


class TestAck:
    @pytest.mark.parametrize(("rev", "left"), [(3, 4), (4, 0), (9, 0)])
    def test_clears_the_mark_from_its_rev_on(self, rev: int, left: int) -> None:
        found = held(Role.CONTROLLER, control_mark=Mark(rev=4, dirty=4))
        assert clear_mark(found, Half.CONTROL, rev).control_mark.dirty == left

    def test_of_a_half_that_is_not_ours_changes_nothing(self) -> None:
        found = held(Role.EXECUTOR, control_mark=Mark(rev=4), run_mark=Mark(rev=2, dirty=2))
        assert clear_mark(found, Half.CONTROL, 9) is found
        assert clear_mark(found, Half.RUN, 2).run_mark.dirty == 0

    def test_of_the_log_never_goes_back_nor_beyond_its_length(self) -> None:
        found = held(Role.EXECUTOR, log=Log(length=10, acked=5))
        assert clear_mark(found, Half.LOG, 3) is found
        assert clear_mark(found, Half.LOG, 99).log.acked == 10


class TestRefusal:
    def test_of_a_start_ends_it_as_rejected_with_the_reason(self) -> None:
        found = held(Role.CONTROLLER, control_mark=Mark(rev=1, dirty=1))
        ended = give_up(found, Half.CONTROL, "control", "may not", NOW)
        assert (ended.run.status_code, ended.run.message) == (StatusCode.REJECTED, "may not")
        assert ended.note == "not delivered: may not"
        assert not ended.dirty_halves

    def test_of_a_later_wish_leaves_the_execution_running(self) -> None:
        found = held(
            Role.CONTROLLER,
            control_mark=Mark(rev=2, dirty=2),
            run=Run(status=Status.RUNNING),
            run_mark=Mark(rev=1),
        )
        left = give_up(found, Half.CONTROL, "transition", "", NOW)
        assert (left.run.status, left.control_mark.dirty) == (Status.RUNNING, 0)
