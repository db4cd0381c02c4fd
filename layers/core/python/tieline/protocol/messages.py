"""The envelope of a post as frozen models, and the bodies of the records in it.

Source: docs/protocol.md §4. Fields that this version does not know are ignored, so a peer may be
a minor version ahead; a `v` other than 1 is refused. Records are validated one by one
(`decode_control`, `decode_run`, `decode_log`), so a poisonous one spoils no other.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from tieline.errors import IncompatibleError, MalformedError, OutputError
from tieline.protocol.execution import Control, Execution, Half, Run
from tieline.protocol.states import Desired, Status, StatusCode
from tieline.protocol.values import check_json

M = TypeVar("M", bound=BaseModel)

VERSION: Literal[1] = 1
MAX_RECORDS = 100
MAX_INLINE_BYTES = 256 * 1024
MAX_WAIT_MS = 25_000
MAX_LOG_PART_BYTES = 128 * 1024
"""Log bytes sent in one record; leaves room in a post for others."""

Identifier = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")]
Thumbprint = Annotated[str, Field(min_length=1, max_length=64)]
Counter = Annotated[int, Field(ge=0, le=2**62)]


class ResultStatus(StrEnum):
    """What became of one record at the receiver."""

    OK = "ok"
    STALE = "stale"
    REJECTED = "rejected"
    INVALID = "invalid"
    RETRY = "retry"


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, allow_inf_nan=False
    )


class Ack(_Frozen):
    """Says that the sender durably holds this rev of a half, or a newer one."""

    half: Half
    id: Identifier
    rev: Counter


class Result(_Frozen):
    """Says why a record was not simply applied."""

    half: str
    id: Identifier
    rev: Counter
    status: ResultStatus
    code: str = ""
    message: str = ""
    after_ms: Counter | None = None


class Record(_Frozen):
    """The current state of one half; `body` is checked per record."""

    half: str
    id: Identifier
    rev: Counter
    body: JsonValue


class SizeLimits(_Frozen):
    """What the sender of the envelope accepts in one post."""

    records: int = Field(default=MAX_RECORDS, ge=1)
    bytes: int = Field(default=1024 * 1024, ge=1024)


class Envelope(_Frozen):
    """What both directions carry."""

    v: Literal[1]
    link: str = Field(max_length=63)
    from_: Thumbprint = Field(alias="from")
    to: Thumbprint
    epoch: Counter
    peer_epoch: Counter | None = None
    s: Counter
    seen: Counter
    instance: Identifier
    version: str = Field(default="", max_length=32)
    ack: tuple[Ack, ...] = Field(default=(), max_length=4 * MAX_RECORDS)
    results: tuple[Result, ...] = Field(default=(), max_length=4 * MAX_RECORDS)
    records: tuple[Record, ...] = Field(default=(), max_length=4 * MAX_RECORDS)
    more: bool = False
    limits: SizeLimits = Field(default_factory=SizeLimits)


class Request(Envelope):
    """What a dialler posts. `wait_ms`: the reply may be held that long."""

    n: Counter
    wait_ms: int = Field(default=0, ge=0, le=MAX_WAIT_MS)


class Reply(Envelope):
    """What is answered to an accepted post."""

    re: Counter
    now: Counter
    poll_after_ms: int | None = Field(default=None, ge=0)
    bell: str | None = None


class Refusal(_Frozen):
    """What is answered, signed, to a post whose signature was good but that is refused."""

    v: Literal[1] = VERSION
    code: str
    message: str
    now: Counter


class ControlBody(_Frozen):
    """The control half on the wire. An inline script never travels."""

    flow_name: str = Field(min_length=1, max_length=256)
    input_value: JsonValue = None
    name: str | None = Field(default=None, max_length=1024)
    desired: Desired = Desired.RUN
    target_epoch: Counter | None = None
    not_after: AwareDatetime | None = None
    max_runtime_seconds: float | None = Field(default=None, gt=0)
    requested_by: str | None = Field(default=None, max_length=256)
    traceparent: str | None = Field(default=None, max_length=128)


class RunBody(_Frozen):
    """The run half on the wire."""

    status: Status
    status_code: StatusCode | None = None
    message: str | None = Field(default=None, max_length=MAX_INLINE_BYTES)
    output_value: JsonValue = None
    created_at: AwareDatetime | None = None
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    control_seen: Counter = 0
    parent_id: Identifier | None = None
    children_count: Counter = 0
    is_listed: bool = False
    flow_name: str | None = Field(default=None, max_length=256)
    name: str | None = Field(default=None, max_length=1024)


class LogBody(_Frozen):
    """A piece of the log. `from_` is its byte offset; the text is ASCII, one byte a character."""

    from_: Counter = Field(alias="from")
    data: str = Field(pattern=r"^[\x00-\x7f]*$", max_length=MAX_LOG_PART_BYTES)
    is_truncated: bool = False


def encode(message: Envelope | Refusal) -> bytes:
    """Gives the bytes that are signed and sent."""
    return message.model_dump_json(by_alias=True, exclude_defaults=False).encode()


def decode_request(body: bytes) -> Request:
    """Gives the request in a verified body.

    Raises:
        IncompatibleError: another protocol version.
        MalformedError: not JSON, or not a request; names the first field that is wrong.
    """
    return _decode(Request, body)


def decode_reply(body: bytes) -> Reply:
    """Gives the reply in a verified body; raises like `decode_request`."""
    return _decode(Reply, body)


def decode_refusal(body: bytes) -> Refusal:
    """Gives the refusal in a verified body; raises like `decode_request`."""
    return _decode(Refusal, body)


def _decode(model: type[M], body: bytes) -> M:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        _refuse_other_version(body, error)
        raise MalformedError(_first_problem(error)) from error


def _refuse_other_version(body: bytes, error: ValidationError) -> None:
    try:
        version = json.loads(body).get("v")
    except (ValueError, AttributeError, RecursionError):
        return
    if version != VERSION:
        raise IncompatibleError(f"protocol version {version!r:.20} is not spoken here") from error


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    path = ".".join(str(part) for part in first["loc"]) or "body"
    return f"{path}: {first['msg']}"


def _decode_body(model: type[M], record: Record) -> M:
    try:
        return model.model_validate(record.body)
    except ValidationError as error:
        raise MalformedError(_first_problem(error)) from error


def _check_value(field: str, value: JsonValue) -> None:
    try:
        check_json(value, field)
    except OutputError as error:
        raise MalformedError(str(error)) from error


def record_of(execution: Execution, half: Half) -> Record:
    """Gives the current state of a control or run half as a record."""
    if half == Half.CONTROL:
        control = execution.control
        fields = {name: getattr(control, name) for name in ControlBody.model_fields}
        body: BaseModel = ControlBody.model_construct(**fields)
        rev = execution.control_mark.rev
    else:
        fields = {name: getattr(execution.run, name) for name in RunBody.model_fields}
        body = RunBody.model_construct(**fields)
        rev = execution.run_mark.rev
    return Record.model_construct(
        half=half.value, id=execution.id, rev=rev, body=body.model_dump(mode="json")
    )


def log_record(execution_id: str, start: int, data: str, *, is_truncated: bool) -> Record:
    """Gives a piece of a log as a record; its rev is the offset of its end."""
    body: dict[str, JsonValue] = {"from": start, "data": data}
    if is_truncated:
        body["is_truncated"] = True
    return Record.model_construct(
        half=Half.LOG.value, id=execution_id, rev=start + len(data), body=body
    )


def decode_control(record: Record) -> Control:
    """Gives the control half in a record.

    Raises:
        MalformedError: names the field that is wrong.
    """
    body = _decode_body(ControlBody, record)
    _check_value("input_value", body.input_value)
    return Control(**{name: getattr(body, name) for name in ControlBody.model_fields})


def decode_run(record: Record) -> Run:
    """Gives the run half in a record; raises like `decode_control`."""
    body = _decode_body(RunBody, record)
    _check_value("output_value", body.output_value)
    return Run(**{name: getattr(body, name) for name in RunBody.model_fields})


def decode_log(record: Record) -> LogBody:
    """Gives the piece of log in a record; raises like `decode_control`."""
    return _decode_body(LogBody, record)
