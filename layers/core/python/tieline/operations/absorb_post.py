"""Applies what a verified post brought: acks, results and records; the same for both directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tieline.errors import MalformedError
from tieline.operations.append_log import TRUNCATED_LINE
from tieline.operations.link_session import LinkSession
from tieline.operations.read_log import log_row
from tieline.operations.records import (
    EXECUTION,
    FLOW,
    Versioned,
    execution_of,
    open_group,
)
from tieline.operations.workspace import Workspace
from tieline.ports import Change, Put
from tieline.protocol.execution import Execution, Half, Role
from tieline.protocol.link import SyncConfig
from tieline.protocol.merge import (
    Outcome,
    Site,
    clear_mark,
    give_up,
    merge_control,
    merge_log,
    merge_run,
    refused,
)
from tieline.protocol.messages import (
    Ack,
    Envelope,
    Record,
    Result,
    ResultStatus,
    decode_control,
    decode_log,
    decode_run,
)

DEFAULT_RETRY_SECONDS = 1.0
MAX_RETRY_SECONDS = 900.0


@dataclass(slots=True, kw_only=True)
class Absorbed:
    """What a post leads to: writes to make, and what to tell the sender."""

    executions: Sequence[Versioned] = ()
    rows: list[Change] = field(default_factory=list)
    acks: list[Ack] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)


def absorb_post(
    workspace: Workspace,
    config: SyncConfig,
    post: Envelope,
    session: LinkSession,
    *,
    peer_opened: bool,
) -> Absorbed:
    """Decides about everything in a post; nothing is written here.

    The caller writes the result in one step with the link's row, and calls again from the start
    when somebody else was faster.
    """
    return _Absorption(workspace, config, post, session, peer_opened=peer_opened).run()


class _Absorption:
    """One pass over one post, on a working copy of the executions it names."""

    def __init__(
        self,
        workspace: Workspace,
        config: SyncConfig,
        post: Envelope,
        session: LinkSession,
        *,
        peer_opened: bool,
    ) -> None:
        self.workspace = workspace
        self.config = config
        self.post = post
        self.session = session
        self.out = Absorbed()
        self.now = workspace.clock.now()
        self.accepted = 0
        self.site = Site(
            workspace_name=workspace.name,
            epoch=workspace.epoch,
            config=config,
            peer_opened=peer_opened,
            now=self.now,
            has_flow=lambda name: workspace.store.get_by_name(FLOW, name) is not None,
            open_count=self._open_count,
        )
        self.stored: dict[str, Versioned] = {}
        self.working: dict[str, Execution] = {}

    def run(self) -> Absorbed:
        """Gives what the post leads to."""
        self._load()
        for ack in self.post.ack:
            self._clear(ack.half, ack.id, ack.rev)
        for result in self.post.results:
            self._heed(result)
        for record in self.post.records:
            self._apply(record)
        self.out.executions = [
            Versioned(execution, self._version(execution_id))
            for execution_id, execution in self.working.items()
            if self._is_changed(execution_id)
        ]
        return self.out

    def _version(self, execution_id: str) -> int:
        found = self.stored.get(execution_id)
        return found.version if found else 0

    def _is_changed(self, execution_id: str) -> bool:
        found = self.stored.get(execution_id)
        return found is None or found.execution is not self.working[execution_id]

    def _load(self) -> None:
        ids = {ack.id for ack in self.post.ack} | {each.id for each in self.post.results}
        ids |= {record.id for record in self.post.records}
        for record in self.post.records:
            parent = record.body.get("parent_id") if isinstance(record.body, dict) else None
            if record.half == Half.RUN and isinstance(parent, str):
                ids.add(parent)
        if ids:
            rows = self.workspace.store.get_many(EXECUTION, sorted(ids))
            self.stored = {row_id: execution_of(row) for row_id, row in rows.items()}
            self.working = {row_id: each.execution for row_id, each in self.stored.items()}

    def _open_count(self) -> int:
        group = open_group(self.config.id, Role.EXECUTOR)
        return self.workspace.store.count_members(group) + self.accepted

    def _mine(self, execution_id: str) -> Execution | None:
        """Gives an execution of this link; another link's is as unknown as none."""
        found = self.working.get(execution_id)
        return found if found is not None and found.link_id == self.config.id else None

    def _clear(self, half: Half, execution_id: str, rev: int) -> None:
        found = self._mine(execution_id)
        if found is not None:
            self.working[execution_id] = clear_mark(found, half, rev)

    def _heed(self, result: Result) -> None:
        found = self._mine(result.id)
        if found is None or result.half not in set(Half):
            return
        half = Half(result.half)
        if result.status in (ResultStatus.REJECTED, ResultStatus.INVALID):
            if self._is_current(found, half, result.rev):
                self.working[result.id] = give_up(
                    found, half, result.code, result.message, self.now
                )
        elif result.status == ResultStatus.RETRY:
            self._retry_later(half, result)

    def _is_current(self, found: Execution, half: Half, rev: int) -> bool:
        """A refusal of an older rev says nothing about the one that is dirty now."""
        marks = {Half.CONTROL: found.control_mark, Half.RUN: found.run_mark}
        return half == Half.LOG or marks[half].dirty == rev

    def _retry_later(self, half: Half, result: Result) -> None:
        if half == Half.LOG:
            self.session.in_flight.forget(half, result.id)
            return
        pause = DEFAULT_RETRY_SECONDS if result.after_ms is None else result.after_ms / 1000
        until = self.workspace.clock.monotonic() + min(pause, MAX_RETRY_SECONDS)
        self.session.in_flight.hold(half, result.id, result.rev, until)

    def _apply(self, record: Record) -> None:
        try:
            outcome = self._decide(record)
        except MalformedError as error:
            outcome = Outcome(status=ResultStatus.INVALID, code=error.code, message=str(error))
        if outcome.execution is not None:
            if record.id not in self.working and outcome.execution.role == Role.EXECUTOR:
                self.accepted += 1
            self.working[record.id] = outcome.execution
        if outcome.ack:
            self.out.acks.append(Ack(half=Half(record.half), id=record.id, rev=outcome.ack))
        if outcome.status not in (ResultStatus.OK, ResultStatus.STALE):
            self.out.results.append(_result(record, outcome))

    def _decide(self, record: Record) -> Outcome:
        found = self.working.get(record.id)
        if record.half == Half.CONTROL:
            return merge_control(found, record.id, decode_control(record), record.rev, self.site)
        if record.half == Half.RUN:
            run = decode_run(record)
            parent = self.working.get(run.parent_id) if run.parent_id else None
            return merge_run(found, parent, record.id, run, record.rev, self.site)
        if record.half == Half.LOG:
            return self._decide_log(found, record)
        return refused("unknown-half", f"{record.half:.40} is not spoken here")

    def _decide_log(self, found: Execution | None, record: Record) -> Outcome:
        cap = self.workspace.limits.log_bytes + len(TRUNCATED_LINE)
        outcome, text = merge_log(found, decode_log(record), cap, self.site)
        if text and found is not None:
            self.out.rows.append(Put(log_row(record.id, found.log.length, text)))
        return outcome


def _result(record: Record, outcome: Outcome) -> Result:
    return Result(
        half=record.half,
        id=record.id,
        rev=record.rev,
        status=outcome.status,
        code=outcome.code,
        message=outcome.message,
        after_ms=outcome.after_ms,
    )
