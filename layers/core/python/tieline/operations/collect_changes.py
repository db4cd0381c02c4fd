"""Chooses what goes into the next post of a link."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tieline.errors import ConflictError
from tieline.operations.link_session import LinkSession
from tieline.operations.read_log import read_log
from tieline.operations.records import Versioned, execution_of, send_rank
from tieline.operations.workspace import Workspace, change_execution, write_executions
from tieline.protocol.execution import Execution, Half, Role
from tieline.protocol.link import SyncConfig
from tieline.protocol.merge import give_up
from tieline.protocol.messages import (
    MAX_LOG_PART_BYTES,
    Record,
    SizeLimits,
    log_record,
    record_of,
)
from tieline.protocol.states import Desired

ENVELOPE_BYTES = 4096
"""Kept free for the envelope's own fields, acks and results."""
PAGE = 100
_ORDER = {Half.CONTROL: 0, Half.RUN: 1, Half.LOG: 2}


@dataclass(slots=True)
class Outgoing:
    """The records of one post. `more`: something that may be sent did not fit."""

    records: list[Record] = field(default_factory=list)
    size: int = ENVELOPE_BYTES
    more: bool = False


def collect_changes(
    workspace: Workspace,
    config: SyncConfig,
    peer_epoch: int | None,
    session: LinkSession,
    *,
    is_reply: bool,
) -> Outgoing:
    """Gives the dirty halves of a link that are due, the most urgent first.

    Before the first exchange there is nothing to send: the peer's epoch is not known yet. A side
    that dials keeps its control halves for the posts it opens: by `auto`, the peer accepts them
    in those alone (docs/protocol.md §1).
    """
    outgoing = Outgoing()
    if peer_epoch is None:
        return outgoing
    limits = SizeLimits(
        records=session.peer_limits.records,
        bytes=min(session.peer_limits.bytes, config.max_post_bytes),
    )
    now = workspace.clock.monotonic()
    session.in_flight.drop_old(now)
    for found in _dirty_executions(workspace, config.id):
        execution = _pin_target(workspace, found, peer_epoch)
        for half in sorted(execution.dirty_halves, key=_ORDER.__getitem__):
            if half == Half.CONTROL and is_reply and config.dials:
                continue
            if not _add(workspace, execution, half, outgoing, limits, session):
                outgoing.more = True
                return outgoing
    return outgoing


def _dirty_executions(workspace: Workspace, link_id: str) -> Iterator[Versioned]:
    after = None
    while True:
        rows = workspace.store.dirty(link_id, after=after, limit=PAGE)
        for row in rows:
            yield execution_of(row)
        if len(rows) < PAGE:
            return
        after = (rows[-1].dirty_rank, rows[-1].id)


def _pin_target(workspace: Workspace, found: Versioned, peer_epoch: int) -> Execution:
    """Gives a start its target when it was made before the peer's epoch was known (§5)."""
    execution = found.execution
    if (
        execution.role != Role.CONTROLLER
        or execution.control.target_epoch is not None
        or execution.control.desired == Desired.CANCEL
    ):
        return execution
    pinned = replace(
        execution,
        control=replace(execution.control, target_epoch=peer_epoch),
        control_mark=execution.control_mark.raised(is_shared=True),
    )
    try:
        write_executions(workspace, [Versioned(pinned, found.version)])
    except ConflictError:
        return replace(execution, is_held=True)
    return pinned


def _add(
    workspace: Workspace,
    execution: Execution,
    half: Half,
    outgoing: Outgoing,
    limits: SizeLimits,
    session: LinkSession,
) -> bool:
    """Adds a half unless it is on its way; tells whether there was room."""
    now = workspace.clock.monotonic()
    if send_rank(execution) is None:
        return True
    record = _record(workspace, execution, half, session, now)
    if record is None:
        return True
    size = len(record.model_dump_json()) + 1
    if len(outgoing.records) >= limits.records or outgoing.size + size > limits.bytes:
        if outgoing.records:
            return False
        _give_up_oversize(workspace, execution, half, limits)
        return True
    outgoing.records.append(record)
    outgoing.size += size
    session.in_flight.sent(half, execution.id, record.rev, now)
    return True


def _record(
    workspace: Workspace, execution: Execution, half: Half, session: LinkSession, now: float
) -> Record | None:
    flight = session.in_flight
    if half != Half.LOG:
        mark = execution.control_mark if half == Half.CONTROL else execution.run_mark
        if not flight.may_send(half, execution.id, mark.rev, now):
            return None
        return record_of(execution, half)
    start = max(execution.log.acked, flight.sent_rev(half, execution.id, now))
    part = read_log(workspace, execution.id, start, MAX_LOG_PART_BYTES)
    if not part.data:
        return None
    is_last = part.start + len(part.data) >= execution.log.length
    return log_record(
        execution.id, start, part.data, is_truncated=is_last and execution.log.is_truncated
    )


def _give_up_oversize(
    workspace: Workspace, execution: Execution, half: Half, limits: SizeLimits
) -> None:
    message = f"larger than the {limits.bytes} bytes that one post may have"
    change_execution(
        workspace,
        execution.id,
        lambda current: give_up(current, half, "too-large", message, workspace.clock.now()),
    )
