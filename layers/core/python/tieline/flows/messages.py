"""What runner and flow process say to each other; each is one frame.

| from | kind | when |
| --- | --- | --- |
| runner | `start` | once, first |
| flow | `call` | each is answered, by `result` or `error` with its number |
| flow | `log` | any time, not answered |
| flow | `end` | once, last |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tieline.errors import OutputError
from tieline.flows.calls import Call, call_args
from tieline.flows.frames import Frame, FrameError
from tieline.flows.limits import ProcessLimits, read_limits
from tieline.protocol.plain_json import PlainJson, check_json

View: TypeAlias = dict[str, PlainJson]

ENDS = ("ENDED_SUCCESS", "ENDED_ERROR", "ENDED_CANCELLED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Everything a flow process is told. `workspace` has `name` and `user`."""

    execution: View
    script: str
    input_value: PlainJson = None
    limits: ProcessLimits = field(default_factory=ProcessLimits)
    workspace: View = field(default_factory=dict)

    def as_frame(self) -> Frame:
        """Gives the start frame."""
        return {
            "kind": "start",
            "execution": self.execution,
            "script": self.script,
            "input_value": self.input_value,
            "limits": self.limits.as_json(),
            "workspace": self.workspace,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a run ended.

    ENDED_CANCELLED says that the process was told to terminate; whether that was somebody's
    wish or this host's shutdown, only the runner knows.
    """

    status: str
    code: str | None = None
    message: str | None = None
    output_value: PlainJson = None
    has_output: bool = False

    def as_frame(self) -> Frame:
        """Gives the end frame."""
        return {
            "kind": "end",
            "status": self.status,
            "code": self.code,
            "message": self.message,
            "output_value": self.output_value,
            "has_output": self.has_output,
        }


def call_frame(sequence: int, call: Call) -> Frame:
    """Gives the frame of a call."""
    return {"kind": "call", "seq": sequence, "name": call.NAME, "args": call_args(call)}


def result_frame(sequence: int, value: PlainJson) -> Frame:
    """Gives the frame that answers a call."""
    return {"kind": "result", "seq": sequence, "value": value}


def error_frame(
    sequence: int, error_type: str, message: str, execution: View | None = None
) -> Frame:
    """Gives the frame that answers a call by an exception of `flow_api.exceptions`."""
    return {
        "kind": "error",
        "seq": sequence,
        "type": error_type,
        "message": message,
        "execution": execution,
    }


def log_frame(line: View) -> Frame:
    """Gives the frame of one line of the log."""
    return {"kind": "log", "line": line}


def read_start(frame: Frame | None) -> Start:
    """Gives the start that a frame holds.

    Raises:
        FrameError: it is no start frame.
    """
    if frame is None or frame["kind"] != "start":
        raise FrameError("the first frame is not a start frame")
    script = frame.get("script")
    if not isinstance(script, str):
        raise FrameError("the start frame has no script")
    return Start(
        execution=_object(frame, "execution"),
        script=script,
        input_value=frame.get("input_value"),
        limits=read_limits(_object(frame, "limits")),
        workspace=_object(frame, "workspace"),
    )


def read_end(frame: Mapping[str, PlainJson]) -> End:
    """Gives the end that a frame holds; the flow process is not trusted.

    Raises:
        FrameError: it is no end frame, or a value in it is not of its type.
    """
    status, code, message = frame.get("status"), frame.get("code"), frame.get("message")
    if frame.get("kind") != "end" or not isinstance(status, str) or status not in ENDS:
        raise FrameError(f"{status!r} is no way to end")
    if not isinstance(code, str | None) or not isinstance(message, str | None):
        raise FrameError("code and message of the end are not text")
    output = frame.get("output_value")
    try:
        check_json(output)
    except OutputError as error:
        raise FrameError(f"output_value: {error}") from error
    return End(
        status=status,
        code=code,
        message=message,
        output_value=output,
        has_output=frame.get("has_output") is True,
    )


def _object(frame: Mapping[str, PlainJson], name: str) -> View:
    value = frame.get(name, {})
    if not isinstance(value, dict):
        raise FrameError(f"{name} in the start frame is not an object")
    return value
