"""Finds what falls due within the next minute, and what a lost hint left behind.

A host that is asleep between events calls `run_due` every `HORIZON_SECONDS`. It decides; putting
the errands into queues is the host's part. An errand may be doubled or late, never harmful.

Rules, in prose:

* An execution that waits for its runner is handed over again 1, 2, 4, 8 ... minutes after it was
  made: a lost hint costs a minute, a full queue is not filled further by every sweep.
* A live execution whose worker cannot be alive any more is ended as `crashed` (I1: it is never
  started again).
* A dialling link without an interval posts when it has something to send or open executions,
  and else every `IDLE_POLL_SECONDS` (docs/protocol.md §7: the safety poll).
* A dialling link with an interval posts once per interval; after a failure once per sweep.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from tieline.operations.end_execution import end_after_crash
from tieline.operations.find_link import all_links
from tieline.operations.records import (
    EXECUTION,
    LINK,
    execution_of,
    load_execution,
    open_group,
    read_body,
)
from tieline.operations.workspace import Workspace
from tieline.protocol.execution import Execution, Role
from tieline.protocol.link import LinkState, SyncConfig
from tieline.protocol.states import LIVE, Desired, Status

logger = logging.getLogger(__name__)

HORIZON_SECONDS = 60
"""One sweep to the next; the schedule in template.yaml."""
MAX_DUE_ROWS = 1000
"""Rows looked at per sweep, the earliest first; the next sweep sees the rest."""
WORKER_SECONDS = 900.0
"""No worker lives longer: the longest timeout of a Lambda function (AWS, "Lambda quotas")."""
CLOCK_SLACK_SECONDS = 60.0
"""How far two machines of one host may disagree about the time."""
IDLE_POLL_SECONDS = 300.0


class Action(StrEnum):
    """What an errand asks for; the word in the queue's message."""

    RUN = "run"
    SEND = "send"


@dataclass(frozen=True, slots=True)
class Errand:
    """One thing to be done soon: run that execution, or post that link's changes."""

    action: Action
    id: str
    delay_seconds: int = 0


class ErrandQueue(Protocol):
    """Where a host keeps errands until their time; at least once, in no order."""

    def put(self, errands: Sequence[tuple[str, str, int]]) -> None:
        """Keeps errands: (action, id, delay in seconds, at most 900).

        Raises:
            StoreUnavailableError: some could not be kept; the next sweep repeats them.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What one sweep found. `ended` counts executions whose worker was lost."""

    errands: Sequence[Errand]
    ended: int


def run_due(workspace: Workspace) -> Sweep:
    """Gives the errands of the next minute; ends what lost its worker.

    Raises:
        TransientError: the store cannot be used now.
    """
    now = workspace.clock.now()
    errands = list(_executions_errands(workspace, now))
    errands += _links_errands(workspace, now)
    lost = [each for each, errand in errands if errand is None]
    for execution_id in lost:
        execution = load_execution(workspace.store, execution_id).execution
        end_after_crash(workspace, execution, "its worker was stopped or crashed while it ran")
    return Sweep(errands=[errand for _, errand in errands if errand], ended=len(lost))


def _executions_errands(workspace: Workspace, now: datetime) -> Iterator[tuple[str, Errand | None]]:
    """Gives (id, what to do) of each execution that is due; None: its worker was lost."""
    rows = workspace.store.due(now + timedelta(seconds=HORIZON_SECONDS), limit=MAX_DUE_ROWS)
    if len(rows) == MAX_DUE_ROWS:
        logger.warning("sweep was cut", extra={"action": "sweep_cut", "rows": len(rows)})
    for row in rows:
        if row.kind != EXECUTION:
            continue
        execution = execution_of(row).execution
        if has_lost_worker(execution, now):
            yield execution.id, None
        elif is_run_due(execution, row.due_at or now, now):
            yield execution.id, _later(Action.RUN, execution.id, row.due_at or now, now)


def is_run_due(execution: Execution, due_at: datetime, now: datetime) -> bool:
    """Tells whether a waiting execution is to be handed to a runner (again)."""
    if execution.run.status != Status.PENDING or execution.control.desired == Desired.PAUSE:
        return False
    if due_at > now:
        return True
    minutes = int((now - due_at).total_seconds() // HORIZON_SECONDS)
    return minutes > 0 and minutes & (minutes - 1) == 0


def has_lost_worker(execution: Execution, now: datetime) -> bool:
    """Tells whether a live execution's worker must be gone, because none lives so long."""
    started_at = execution.run.started_at
    if execution.run.status not in LIVE or started_at is None:
        return False
    return (now - started_at).total_seconds() > WORKER_SECONDS + CLOCK_SLACK_SECONDS


def _later(action: Action, row_id: str, at: datetime, now: datetime) -> Errand:
    return Errand(action, row_id, max(0, round((at - now).total_seconds())))


def _links_errands(workspace: Workspace, now: datetime) -> Iterator[tuple[str, Errand]]:
    configs = [each for each in all_links(workspace.store) if each.dials]
    rows = workspace.store.get_many(LINK, [each.id for each in configs])
    for config in configs:
        row = rows.get(config.id)
        state = LinkState(id=config.id) if row is None else read_body(LinkState, row.body)
        is_busy = config.sync_interval is None and _has_work(workspace, config.id)
        for delay in plan_posts(config, state, now, is_busy=is_busy):
            yield config.id, Errand(Action.SEND, config.id, delay)


def _has_work(workspace: Workspace, link_id: str) -> bool:
    """Tells whether a link has something to send or waits for something from its peer."""
    if workspace.store.dirty(link_id, limit=1):
        return True
    groups = (open_group(link_id, role) for role in (Role.CONTROLLER, Role.OBSERVED))
    return any(workspace.store.members(group, limit=1) for group in groups)


def plan_posts(
    config: SyncConfig, state: LinkState, now: datetime, *, is_busy: bool
) -> Sequence[int]:
    """Gives when a dialling link posts within the next minute, in seconds from now.

    Args:
        is_busy: it has dirty halves or open executions; looked at without an interval only.
    """
    last = state.last_contact_out
    since = None if last is None else max(0.0, (now - last).total_seconds())
    interval = config.sync_interval
    if since is None or state.failures:
        return [0] if interval is not None or is_busy or _is_idle_poll_due(state, now) else []
    if interval is None:
        return [0] if is_busy or _is_idle_poll_due(state, now) else []
    first = max(0.0, interval - since)
    count = int((HORIZON_SECONDS - first) // interval) + 1 if first < HORIZON_SECONDS else 0
    times = (round(first + number * interval) for number in range(count))
    return [each for each in times if each < HORIZON_SECONDS]


def _is_idle_poll_due(state: LinkState, now: datetime) -> bool:
    tries = [each for each in (state.last_contact_out, state.last_error_at) if each is not None]
    return not tries or (now - max(tries)).total_seconds() >= IDLE_POLL_SECONDS
