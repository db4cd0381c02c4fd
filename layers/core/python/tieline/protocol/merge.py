"""What becomes of a record that a peer sent: the apply rules, as functions of values.

Rules, in prose (docs/protocol.md §3):

* A half is applied iff its rev is higher than the one held (rule 3). An older or equal rev
  changes nothing and is acked with the rev held, so the sender can stop.
* A record touches only rows of its own link, and only the half its sender writes (I12).
* An unknown execution is created once. Whether it may start is decided there and then: not
  allowed to start here = refused without a row; wanted cancelled already = ENDED_CANCELLED; made
  for another incarnation of this workspace = ENDED_ERROR `lost`; too old = `expired`; no such
  flow, or one not exposed = `rejected`; else PENDING (rule 5).
* `desired` never comes back from cancel (rule 7); a status never comes back from an ended one.
* A log grows only at its end: what overlaps is cut, what leaves a gap is asked for again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from tieline.protocol.execution import Control, Execution, Half, Log, Mark, Role, Run, end
from tieline.protocol.link import SyncConfig, is_exposed, may_start_here
from tieline.protocol.messages import LogBody, ResultStatus
from tieline.protocol.states import (
    Desired,
    Status,
    StatusCode,
    may_become,
    may_desire,
)

BUSY_RETRY_MS = 5_000
"""When the cap on open executions is reached: about the length of a short flow."""
PARENT_RETRY_MS = 1_000
"""A descendant overtook its parent; the parent is in the next post or two."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to store, what to ack (a rev, 0 = nothing), and what to tell the sender."""

    execution: Execution | None = None
    ack: int = 0
    status: ResultStatus = ResultStatus.OK
    code: str = ""
    message: str = ""
    after_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the receiving workspace knows when a record arrives.

    `has_flow` and `open_count` are asked only when the decision needs them. `peer_opened` tells
    whether the record came in a post that the peer opened.
    """

    workspace_name: str
    epoch: int
    config: SyncConfig
    peer_opened: bool
    now: datetime
    has_flow: Callable[[str], bool]
    open_count: Callable[[], int]


def refused(code: str, message: str) -> Outcome:
    """Gives the outcome of a record that will never be accepted."""
    return Outcome(status=ResultStatus.REJECTED, code=code, message=message)


def merge_control(
    found: Execution | None, execution_id: str, control: Control, rev: int, site: Site
) -> Outcome:
    """Decides about a control half that the peer sent."""
    if found is None:
        return _accept(execution_id, control, rev, site)
    if found.role != Role.EXECUTOR or found.link_id != site.config.id:
        return refused("not-yours", "that execution is not one this link may control")
    held = found.control_mark.rev
    if rev <= held:
        status = ResultStatus.OK if rev == held else ResultStatus.STALE
        return Outcome(ack=held, status=status)
    if not may_desire(found.control.desired, control.desired):
        return Outcome(
            ack=0,
            status=ResultStatus.INVALID,
            code="transition",
            message=f"desired cannot go from {found.control.desired} to {control.desired}",
        )
    wanted = replace(found.control, desired=control.desired)
    changed = replace(found, control=wanted, control_mark=Mark(rev=rev))
    if wanted.desired == Desired.CANCEL and found.run.status == Status.PENDING:
        changed = end(changed, Status.ENDED_CANCELLED, site.now, "cancelled before it was started")
    return Outcome(execution=changed, ack=rev)


def _accept(execution_id: str, control: Control, rev: int, site: Site) -> Outcome:
    if not may_start_here(site.config, peer_opened=site.peer_opened):
        return refused(
            "control",
            f"workspace {site.workspace_name!r} does not let this link start flows there "
            f"(control = {site.config.control})",
        )
    if control.desired != Desired.CANCEL and site.open_count() >= site.config.max_open_executions:
        return Outcome(status=ResultStatus.RETRY, code="busy", after_ms=BUSY_RETRY_MS)
    created = Execution(
        id=execution_id,
        role=Role.EXECUTOR,
        link_id=site.config.id,
        created_at=site.now,
        control=control,
        control_mark=Mark(rev=rev),
        run=Run(created_at=site.now, control_seen=rev, is_listed=site.config.send_all_executions),
        run_mark=Mark(rev=1, dirty=1),
    )
    return Outcome(execution=_judge(created, site), ack=rev)


def _judge(created: Execution, site: Site) -> Execution:
    control, now = created.control, site.now
    if control.desired == Desired.CANCEL:
        return end(created, Status.ENDED_CANCELLED, now, "cancelled before it was started")
    if control.target_epoch != site.epoch:
        message = "the workspace it was meant for was restored or reset meanwhile"
        return end(created, Status.ENDED_ERROR, now, message, StatusCode.LOST)
    if control.not_after is not None and control.not_after < now:
        message = f"arrived after {control.not_after.isoformat()}, the latest start allowed"
        return end(created, Status.ENDED_ERROR, now, message, StatusCode.EXPIRED)
    problem = _flow_problem(control.flow_name, site)
    if problem:
        return end(created, Status.ENDED_ERROR, now, problem, StatusCode.REJECTED)
    return created


def _flow_problem(flow_name: str, site: Site) -> str:
    if not is_exposed(site.config.expose_flows, flow_name):
        return f"flow {flow_name!r} is not exposed by workspace {site.workspace_name!r}"
    if not site.has_flow(flow_name):
        return f"flow {flow_name!r} does not exist in workspace {site.workspace_name!r}"
    return ""


def merge_run(
    found: Execution | None,
    parent: Execution | None,
    execution_id: str,
    run: Run,
    rev: int,
    site: Site,
) -> Outcome:
    """Decides about a run half that the peer sent.

    Args:
        parent: our execution with the id `run.parent_id`, when there is one.
    """
    if found is None:
        return _observe(parent, execution_id, run, rev, site)
    is_peers = found.role in (Role.CONTROLLER, Role.OBSERVED)
    if not is_peers or found.link_id != site.config.id:
        return refused("not-yours", "that execution is not run by this link")
    held = found.run_mark.rev
    if rev <= held:
        status = ResultStatus.OK if rev == held else ResultStatus.STALE
        return Outcome(ack=held, status=status)
    if not may_become(found.run.status, run.status):
        return Outcome(
            status=ResultStatus.INVALID,
            code="transition",
            message=f"a status cannot go from {found.run.status} to {run.status}",
        )
    note = None if run.status.is_ended else found.note
    changed = replace(found, run=run, run_mark=Mark(rev=rev), note=note)
    return Outcome(execution=changed, ack=rev)


def _observe(
    parent: Execution | None, execution_id: str, run: Run, rev: int, site: Site
) -> Outcome:
    if run.flow_name is None or run.parent_id is None:
        return refused("unknown", "no such execution was started over this link")
    if parent is None:
        return Outcome(status=ResultStatus.RETRY, code="parent", after_ms=PARENT_RETRY_MS)
    if parent.link_id != site.config.id or parent.role not in (Role.CONTROLLER, Role.OBSERVED):
        return refused("not-yours", "its parent is not run by this link")
    created = Execution(
        id=execution_id,
        role=Role.OBSERVED,
        link_id=site.config.id,
        created_at=run.created_at or site.now,
        parent_id=parent.id,
        control=Control(flow_name=run.flow_name, name=run.name),
        run=run,
        run_mark=Mark(rev=rev),
    )
    return Outcome(execution=created, ack=rev)


def merge_log(
    found: Execution | None, piece: LogBody, max_bytes: int, site: Site
) -> tuple[Outcome, str]:
    """Decides about a piece of log; gives the outcome and the text to append.

    Args:
        max_bytes: the log's cap; what is above it is acked and dropped.
    """
    if found is None:
        return Outcome(status=ResultStatus.RETRY, code="unknown", after_ms=PARENT_RETRY_MS), ""
    if found.role not in (Role.CONTROLLER, Role.OBSERVED) or found.link_id != site.config.id:
        return refused("not-yours", "that execution is not run by this link"), ""
    held = found.log.length
    if piece.from_ > held:
        return Outcome(ack=held, status=ResultStatus.RETRY, code="gap", after_ms=0), ""
    text = piece.data[held - piece.from_ :]
    if not text and piece.is_truncated == found.log.is_truncated:
        return Outcome(ack=held, status=ResultStatus.STALE), ""
    if held + len(text) > max_bytes:
        return refused("too-large", f"a log may have {max_bytes} bytes"), ""
    log = Log(length=held + len(text), is_truncated=piece.is_truncated)
    return Outcome(execution=replace(found, log=log), ack=log.length), text


def clear_mark(execution: Execution, half: Half, rev: int) -> Execution:
    """Gives the execution after the peer acked a rev of an own half (rule 4).

    Gives the same value when the ack changes nothing, or is for a half that is not ours.
    """
    if half == Half.CONTROL and execution.role == Role.CONTROLLER:
        mark = execution.control_mark.acked(rev)
        same = mark is execution.control_mark
        return execution if same else replace(execution, control_mark=mark)
    if half == Half.RUN and execution.sends_run:
        mark = execution.run_mark.acked(rev)
        return execution if mark is execution.run_mark else replace(execution, run_mark=mark)
    if half == Half.LOG and execution.sends_run and rev > execution.log.acked:
        acked = min(rev, execution.log.length)
        return replace(execution, log=replace(execution.log, acked=acked))
    return execution


def give_up(execution: Execution, half: Half, code: str, message: str, now: datetime) -> Execution:
    """Gives the execution after the peer refused an own half for good.

    The half is not sent again until it changes; the note says why. A start that was never
    accepted ends here, since nobody else will ever say how it ended.
    """
    note = f"not delivered: {message or code}"
    if half == Half.CONTROL and execution.role == Role.CONTROLLER:
        cleared = replace(
            execution, control_mark=replace(execution.control_mark, dirty=0), note=note
        )
        if execution.run_mark.rev == 0:
            return end(cleared, Status.ENDED_ERROR, now, message or code, StatusCode.REJECTED)
        return cleared
    if half == Half.RUN and execution.sends_run:
        return replace(execution, run_mark=replace(execution.run_mark, dirty=0), note=note)
    if half == Half.LOG and execution.sends_run:
        log = replace(execution.log, acked=execution.log.length)
        return replace(execution, log=log, note=note)
    return execution
