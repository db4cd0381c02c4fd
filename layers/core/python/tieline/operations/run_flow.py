"""Runs one execution in a flow process, from claim to end.

The order that makes a start happen at most once (I1): the process is forked, the claim (RUNNING,
with this holder's lease) is made durable, and only then the script is handed to the process.
Whoever finds the claim after a crash cannot know how far the script came, and ends the
execution as `crashed`; it is never started again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TypeVar

from tieline.errors import NotFoundError, RunnerError, TransientError
from tieline.flows.frames import FrameError
from tieline.flows.limits import ProcessLimits
from tieline.flows.messages import End, Start, read_end
from tieline.flows.read_call import read_call
from tieline.operations.answer_call import answer_call
from tieline.operations.append_log import append_log
from tieline.operations.end_execution import Ending, cancel_children, end_execution
from tieline.operations.flow_session import FlowSession, StopRunError, pause_while_wanted
from tieline.operations.records import FLOW, Resource, load_execution, read_body
from tieline.operations.view_execution import view_execution
from tieline.operations.workspace import Workspace, change_execution
from tieline.ports import Changes, FlowProcess, Processes
from tieline.protocol.execution import Execution, Lease, change_run, end
from tieline.protocol.states import Desired, Status, StatusCode
from tieline.protocol.values import Json, JsonObject, dump_json

logger = logging.getLogger(__name__)

CANCEL_GRACE_SECONDS = 10.0
"""Between asking a flow process to end and ending it (docs/flows.md §6)."""
EXIT_GRACE_SECONDS = 2.0
"""A process that said how it ended has nothing left to do."""
STORE_RETRY_SECONDS = 1.0
MAX_LOG_BATCH = 200
T = TypeVar("T")


@dataclass(slots=True)
class Control:
    """How others reach a run: they set a wish here and wake it.

    `is_stopped` is set to end the run because its host stops, `time_is_up` (to the message of its
    end) because its time is over. `idle` is entered while the run waits and needs no processor.
    """

    process: FlowProcess | None = None
    idle: Callable[[], AbstractContextManager[None]] = nullcontext
    is_cancelled: bool = False
    is_stopped: bool = False
    time_is_up: str = ""

    @property
    def must_stop(self) -> bool:
        """Tells whether the run has to end."""
        return self.is_cancelled or self.is_stopped or bool(self.time_is_up)


@dataclass(slots=True, kw_only=True)
class _Run:
    """One run: the process, its session, and what is not written yet."""

    workspace: Workspace
    changes: Changes
    process: FlowProcess
    control: Control
    session: FlowSession
    call_off: list[Callable[[], None]] = field(default_factory=list)


def run_flow(
    workspace: Workspace,
    execution_id: str,
    processes: Processes,
    changes: Changes,
    control: Control,
) -> None:
    """Runs the execution to its end; returns at once when it is not waiting to be run.

    Raises:
        TransientError: the store cannot be used; what was written stays, the rest is found
            by `recover_executions`.
    """
    own = changes.watch([execution_id])
    process = processes.spawn()
    control.process = process
    try:
        execution = _claim(workspace, execution_id)
        if execution is None:
            return
        session = FlowSession(
            workspace=workspace,
            changes=changes,
            execution=execution,
            own=own,
            must_stop=lambda: control.must_stop,
            idle=control.idle,
        )
        _drive(
            _Run(
                workspace=workspace,
                changes=changes,
                process=process,
                control=control,
                session=session,
            )
        )
    finally:
        own.close()
        process.close()


def _is_startable(execution: Execution) -> bool:
    return (
        execution.owns_run
        and not execution.is_held
        and execution.run.status == Status.PENDING
        and execution.control.desired == Desired.RUN
    )


def _claim(workspace: Workspace, execution_id: str) -> Execution | None:
    """Takes the execution for this process, durably; None when it is not to be started."""
    claimed = False

    def claim(execution: Execution) -> Execution:
        nonlocal claimed
        claimed = False
        if not _is_startable(execution):
            return execution
        now = workspace.clock.now()
        limit = execution.control.not_after
        if limit is not None and limit < now:
            message = f"not started before {limit.isoformat()}, the latest start allowed"
            return end(execution, Status.ENDED_ERROR, now, message, StatusCode.EXPIRED)
        claimed = True
        run = replace(
            execution.run,
            status=Status.RUNNING,
            started_at=now,
            control_seen=execution.control_mark.rev,
        )
        lease = Lease(holder=workspace.instance, fence=execution.lease.fence + 1)
        return replace(change_run(execution, run), lease=lease)

    try:
        execution = change_execution(workspace, execution_id, claim)
    except NotFoundError:
        return None
    return execution if claimed else None


def _drive(run: _Run) -> None:
    execution = run.session.execution
    script = _script(run.workspace, execution)
    if script is None:
        message = f"flow {execution.flow_name!r} was deleted before it was started"
        _finish(run, Status.ENDED_ERROR, message, StatusCode.REJECTED)
        return
    seconds = execution.control.max_runtime_seconds
    if seconds is not None:
        run.call_off.append(run.changes.call_later(seconds, lambda: _expire(run)))
    try:
        run.process.send(_start(run.workspace, execution, script).as_frame())
        _converse(run)
    except (FrameError, RunnerError) as error:
        _end_forced(run, None, error)
    finally:
        for call_off in run.call_off:
            call_off()


def _script(workspace: Workspace, execution: Execution) -> str | None:
    if execution.control.script is not None:
        return execution.control.script
    row = workspace.store.get_by_name(FLOW, execution.flow_name)
    return None if row is None else str(read_body(Resource, row.body).value)


def _start(workspace: Workspace, execution: Execution, script: str) -> Start:
    user: Json = execution.control.requested_by
    return Start(
        execution=view_execution(workspace, execution),
        script=script,
        input_value=execution.control.input_value,
        limits=ProcessLimits(),
        workspace={"name": workspace.name, "user": user},
    )


def _expire(run: _Run) -> None:
    seconds = run.session.execution.control.max_runtime_seconds
    run.control.time_is_up = f"did not end within its maximum runtime of {seconds:g} seconds"
    stop_process(run.process, run.changes)
    run.changes.notify(run.session.id)


def stop_process(process: FlowProcess, changes: Changes) -> None:
    """Asks a flow process to end and sees to it that it does."""
    process.terminate()
    changes.call_later(CANCEL_GRACE_SECONDS, process.kill)


def _converse(run: _Run) -> None:
    """Answers the flow until it says how it ended or is gone."""
    while True:
        frame = run.process.receive()
        if frame is None:
            _end_forced(run, None, None)
            return
        kind = frame.get("kind")
        if kind == "log":
            frame = _write_log(run, frame)
            kind = frame.get("kind") if frame else None
        if frame is None:
            continue
        if kind == "end":
            _end_as_said(run, read_end(frame))
            return
        if kind != "call":
            raise FrameError(f"{kind!r} is no kind of frame")
        _answer(run, frame)


def _answer(run: _Run, frame: Mapping[str, Json]) -> None:
    sequence, name, args = frame.get("seq"), frame.get("name"), frame.get("args")
    if not isinstance(sequence, int) or not isinstance(name, str) or not isinstance(args, dict):
        raise FrameError("a call has seq, name and args")
    call = read_call(name, args)
    try:
        pause_while_wanted(run.session)
        answer = _patiently(run, lambda: answer_call(run.session, sequence, call))
        pause_while_wanted(run.session)
    except StopRunError:
        # Not answered: the signal on its way ends the wait in the flow process, and an error
        # that came first would be the script's to handle. Its `finally` blocks may still call.
        return
    run.process.send(answer)


def _write_log(run: _Run, first: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """Writes this line and those already waiting behind it; gives the next other frame, if any."""
    lines: list[JsonObject] = []
    frame: Mapping[str, Json] | None = first
    try:
        while True:
            line = frame.get("line") if frame else None
            if isinstance(line, dict):
                lines.append(line)
            if len(lines) >= MAX_LOG_BATCH or not run.process.has_frame():
                return None
            frame = run.process.receive()
            if frame is None or frame.get("kind") != "log":
                return frame
    finally:
        _patiently(run, lambda: append_log(run.workspace, run.session.id, lines))


def _end_as_said(run: _Run, said: End) -> None:
    status = Status(said.status)
    if status == Status.ENDED_CANCELLED:
        _end_forced(run, said, None)
        return
    problem = _output_problem(run.workspace, said)
    if problem:
        _finish(run, Status.ENDED_ERROR, problem, StatusCode.FAILED)
    else:
        code = StatusCode.FAILED if status == Status.ENDED_ERROR else None
        output = said.output_value if said.has_output else None
        _finish(run, status, said.message, code, output)
    run.process.wait(EXIT_GRACE_SECONDS)


def _output_problem(workspace: Workspace, said: End) -> str:
    if not said.has_output:
        return ""
    size = len(dump_json(said.output_value).encode())
    if size <= workspace.limits.value_bytes:
        return ""
    return f"output_value has {size} bytes, {workspace.limits.value_bytes} are allowed"


def _end_forced(run: _Run, said: End | None, error: Exception | None) -> None:
    """Ends the execution after its process is gone, and says whose doing that was."""
    exit_words = run.process.wait(EXIT_GRACE_SECONDS)
    if exit_words is None:
        run.process.kill()
        exit_words = run.process.wait(None)
    current = load_execution(run.workspace.store, run.session.id).execution
    if run.control.time_is_up:
        _finish(run, Status.ENDED_ERROR, run.control.time_is_up, StatusCode.TIMEOUT)
    elif current.control.desired == Desired.CANCEL:
        _patiently(run, lambda: cancel_children(run.workspace, run.session.id))
        _finish(run, Status.ENDED_CANCELLED, said.message if said else None, None)
    elif run.control.is_stopped:
        message = "the workspace was stopped while it ran"
        _finish(run, Status.ENDED_ERROR, message, StatusCode.CRASHED)
    else:
        reason = str(error) if error is not None else f"the flow process {exit_words}"
        _finish(run, Status.ENDED_ERROR, reason, StatusCode.CRASHED)


def _finish(
    run: _Run,
    status: Status,
    message: str | None,
    code: StatusCode | None,
    output_value: Json = None,
) -> None:
    how = Ending(status, message, code, output_value, run.session.children)
    _patiently(run, lambda: end_execution(run.workspace, run.session.id, how))


def _patiently(run: _Run, action: Callable[[], T]) -> T:
    """Does it again until the store takes it: a full disk must not cost a result.

    A host that stops meanwhile leaves the claim behind, and `recover_executions` says so.
    """
    watch = run.changes.watch([])
    try:
        while True:
            try:
                return action()
            except TransientError as error:
                logger.warning(
                    "store not available",
                    extra={"action": "write_retried", "execution_id": run.session.id},
                )
                if run.control.is_stopped:
                    raise RunnerError("the store was not available to the end") from error
            watch.wait(STORE_RETRY_SECONDS)
    finally:
        watch.close()
