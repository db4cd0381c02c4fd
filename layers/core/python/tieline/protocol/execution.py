"""One execution: its halves, who owns them, and every way they may change here.

Rules, in prose (docs/protocol.md §3):

* Each half has exactly one writer. A change of an own half raises its `rev` by one and, when the
  half is shared over a link, marks it dirty with that rev, in the same value (rule 1).
* A mark is cleared only by an ack of that rev or a newer one (rule 4).
* The role says which halves are ours:

| role | control half | run half, log | seen over the link |
| --- | --- | --- | --- |
| LOCAL | ours | ours | not at all |
| CONTROLLER | ours, sent | the peer's | the peer runs it for us |
| EXECUTOR | the peer's | ours, sent | we run it for the peer |
| REPORTED | ours | ours, sent | a descendant here of what the peer started (`send_all`) |
| OBSERVED | the peer's, unseen | the peer's | the peer's REPORTED |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from tieline.protocol.states import Desired, Status, StatusCode, check_transition, may_desire
from tieline.protocol.values import Json


class Role(StrEnum):
    """Which halves of an execution are ours; the table is in the module's docstring."""

    LOCAL = "local"
    CONTROLLER = "controller"
    EXECUTOR = "executor"
    REPORTED = "reported"
    OBSERVED = "observed"


class Half(StrEnum):
    """The parts of a synced record that have one writer each."""

    CONTROL = "execution.control"
    RUN = "execution.run"
    LOG = "execution.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What the controlling side decides. `not_after` and `requested_by` may be unknown."""

    flow_name: str
    script: str | None = None
    input_value: Json = None
    name: str | None = None
    desired: Desired = Desired.RUN
    target_epoch: int | None = None
    not_after: datetime | None = None
    max_runtime_seconds: float | None = None
    requested_by: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What the executing side knows. Times are aware UTC."""

    status: Status = Status.PENDING
    status_code: StatusCode | None = None
    message: str | None = None
    output_value: Json = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    control_seen: int = 0
    parent_id: str | None = None
    children_count: int = 0
    is_listed: bool = False
    flow_name: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The state of one half: its rev and, when dirty, the rev that was marked (0 = clean)."""

    rev: int = 0
    dirty: int = 0

    def raised(self, *, is_shared: bool) -> Mark:
        """Gives the mark after one more change of an own half."""
        return Mark(rev=self.rev + 1, dirty=self.rev + 1 if is_shared else 0)

    def acked(self, rev: int) -> Mark:
        """Gives the mark after the peer said it durably holds `rev`."""
        return replace(self, dirty=0) if 0 < self.dirty <= rev else self


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """How long the log is, in bytes, and how much of it the peer has acked (executor only)."""

    length: int = 0
    acked: int = 0
    is_truncated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who runs the execution. `fence` grows by one with every new holder."""

    holder: str | None = None
    fence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One execution as this workspace holds it.

    `id` is a UUIDv7. `link_id` is the sync config's id, None for LOCAL. `parent_id` and
    `sequence` tell which call of which execution here created it. `note` is a local remark such
    as "cancel requested"; it is never sent.
    """

    id: str
    role: Role = Role.LOCAL
    link_id: str | None = None
    created_at: datetime
    parent_id: str | None = None
    sequence: int | None = None
    is_detached: bool = False
    is_held: bool = False
    control: Control
    control_mark: Mark = field(default_factory=Mark)
    run: Run = field(default_factory=Run)
    run_mark: Mark = field(default_factory=Mark)
    log: Log = field(default_factory=Log)
    lease: Lease = field(default_factory=Lease)
    note: str | None = None

    @property
    def owns_control(self) -> bool:
        """Tells whether we write the control half."""
        return self.role in (Role.LOCAL, Role.CONTROLLER, Role.REPORTED)

    @property
    def owns_run(self) -> bool:
        """Tells whether we write the run half and the log."""
        return self.role in (Role.LOCAL, Role.EXECUTOR, Role.REPORTED)

    @property
    def sends_run(self) -> bool:
        """Tells whether our run half and log go to a peer."""
        return self.role in (Role.EXECUTOR, Role.REPORTED)

    @property
    def is_ended(self) -> bool:
        """Tells whether its status is final."""
        return self.run.status.is_ended

    @property
    def is_in_list(self) -> bool:
        """Tells whether it shows in this workspace's list of executions.

        What a flow here started in another workspace is found through its parent and shows in
        the list only when the other side says so (`send_all_executions`, set over there).
        """
        if self.role in (Role.CONTROLLER, Role.OBSERVED):
            return self.run.is_listed or (self.role == Role.CONTROLLER and self.parent_id is None)
        return True

    @property
    def flow_name(self) -> str:
        """Gives the name of the flow it runs."""
        return self.control.flow_name

    @property
    def dirty_halves(self) -> Sequence[Half]:
        """Lists the halves that the peer is not known to hold, in no particular order."""
        halves = []
        if self.control_mark.dirty and self.role == Role.CONTROLLER:
            halves.append(Half.CONTROL)
        if self.run_mark.dirty and self.sends_run:
            halves.append(Half.RUN)
        if self.sends_run and self.log.acked < self.log.length:
            halves.append(Half.LOG)
        return halves


def change_desired(execution: Execution, desired: Desired) -> Execution:
    """Gives the execution with another `desired`; the same value when nothing changes.

    A wish for an ended execution changes nothing, and neither does one that a cancel forbids.
    """
    control = execution.control
    if control.desired == desired or execution.is_ended or not may_desire(control.desired, desired):
        return execution
    is_shared = execution.role == Role.CONTROLLER
    return replace(
        execution,
        control=replace(control, desired=desired),
        control_mark=execution.control_mark.raised(is_shared=is_shared),
    )


def change_run(execution: Execution, run: Run) -> Execution:
    """Gives the execution with another own run half; the same value when nothing changes.

    Raises:
        InvalidTransitionError: the table of statuses does not allow the change.
    """
    if run == execution.run:
        return execution
    check_transition(execution.run.status, run.status)
    if execution.is_ended:
        return execution
    return replace(
        execution,
        run=run,
        run_mark=execution.run_mark.raised(is_shared=execution.sends_run),
    )


def end(
    execution: Execution,
    status: Status,
    at: datetime,
    message: str | None = None,
    code: StatusCode | None = None,
    output_value: Json = None,
) -> Execution:
    """Gives the execution ended; one that has ended already stays as it is (I4).

    `output_value` None keeps what was saved while it ran.
    """
    if execution.is_ended:
        return execution
    run = replace(
        execution.run,
        status=status,
        status_code=code,
        message=message if message is not None else execution.run.message,
        output_value=execution.run.output_value if output_value is None else output_value,
        ended_at=at,
        control_seen=execution.control_mark.rev,
    )
    return replace(change_run(execution, run), lease=replace(execution.lease, holder=None))
