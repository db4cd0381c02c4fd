"""Every call that a flow may make to its workspace; the one list both sides use.

A call travels as a name and an object of arguments. Its number in the flow (`seq`, from 1) and
its canonical arguments are what a journal compares on replay (docs/flows.md §5).

| call | answer |
| --- | --- |
| start_child, run_child, cancel, pause, load | the execution's view |
| wait | a list of views, in the order of `ids` |
| resource_get, resource_save | the record's fields |
| resource_exists | true or false |
| resource_list | {"items": [fields, ...], "next": cursor or null} |
| workspace_info | {"name", "env", "user"} |
| all others | null |
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import Enum
from typing import ClassVar, TypeAlias

from tieline.protocol.plain_json import PlainJson, canonical_json


class Unset(Enum):
    """The one value that stands for an argument that was not given; null is a given one."""

    UNSET = "unset"


UNSET = Unset.UNSET

Names: TypeAlias = list[str]
Fields: TypeAlias = dict[str, PlainJson]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartChild:
    """Creates a child from a flow's name or id, or from a script; exactly one of them.

    `wait` is a return_when: the answer comes when the child ended. `not_after` is seconds since
    1970: a child not started by then expires.
    """

    NAME: ClassVar[str] = "start_child"
    flow_name: str | None = None
    script: str | None = None
    input_value: PlainJson = None
    name: str | None = None
    remote_workspace_name: str | None = None
    max_runtime_minutes: float | None = None
    not_after: float | None = None
    protect_inputs: Names | None = None
    protect_outputs: Names | None = None
    is_held: bool = False
    is_detached: bool = False
    wait: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChild:
    """Starts a held child, resumes a paused one; harmless on any other. `wait` as above."""

    NAME: ClassVar[str] = "run_child"
    id: str
    wait: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Waits for executions; `timeout` in seconds, null is for ever."""

    NAME: ClassVar[str] = "wait"
    ids: Names
    return_when: str
    timeout: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Asks for an execution's end."""

    NAME: ClassVar[str] = "cancel"
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Asks another execution to pause."""

    NAME: ClassVar[str] = "pause"
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Reads an execution as it stands now."""

    NAME: ClassVar[str] = "load"
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """Writes fields of the calling execution; what is not given stays as it is."""

    NAME: ClassVar[str] = "save"
    output_value: PlainJson | Unset = UNSET
    message: str | Unset = UNSET
    name: str | Unset = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleep:
    """Sleeps for a number of seconds."""

    NAME: ClassVar[str] = "sleep"
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SleepUntil:
    """Sleeps until seconds since 1970."""

    NAME: ClassVar[str] = "sleep_until"
    epoch: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseSelf:
    """Pauses the calling execution until somebody resumes it."""

    NAME: ClassVar[str] = "pause_self"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceGet:
    """Reads a record. `kind` is flow, setting or file."""

    NAME: ClassVar[str] = "resource_get"
    kind: str
    name: str
    remote_workspace_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceSave:
    """Writes fields of a record and creates it when there is none.

    A flow has `script`, a setting `value`, a file `content` (base64).
    """

    NAME: ClassVar[str] = "resource_save"
    kind: str
    name: str
    remote_workspace_name: str | None = None
    fields: Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceDelete:
    """Removes a record."""

    NAME: ClassVar[str] = "resource_delete"
    kind: str
    name: str
    remote_workspace_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceExists:
    """Asks whether there is a record of that name."""

    NAME: ClassVar[str] = "resource_exists"
    kind: str
    name: str
    remote_workspace_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceList:
    """Reads one page of records. `kind` may also be execution.

    `filter` is null or a list of {"field", "op", "value"}, all of which must hold.
    """

    NAME: ClassVar[str] = "resource_list"
    kind: str
    filter: list[PlainJson] | None = None
    after: str | None = None
    limit: int = 100
    remote_workspace_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingAcquire:
    """Waits until the lock of that name is ours; `timeout` in seconds, null is for ever."""

    NAME: ClassVar[str] = "setting_acquire"
    name: str
    timeout: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRelease:
    """Gives a lock back."""

    NAME: ClassVar[str] = "setting_release"
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceInfo:
    """Asks who the workspace is and for whom the flow runs."""

    NAME: ClassVar[str] = "workspace_info"


Call: TypeAlias = (
    StartChild
    | RunChild
    | Wait
    | Cancel
    | Pause
    | Load
    | Save
    | Sleep
    | SleepUntil
    | PauseSelf
    | ResourceGet
    | ResourceSave
    | ResourceDelete
    | ResourceExists
    | ResourceList
    | SettingAcquire
    | SettingRelease
    | WorkspaceInfo
)


def call_args(call: Call) -> Fields:
    """Gives the arguments of a call as they travel; those not given are absent."""
    pairs = ((each.name, getattr(call, each.name)) for each in fields(call))
    return {name: value for name, value in pairs if value is not UNSET}


def canonical_args(call: Call) -> str:
    """Gives the one text of a call's arguments; equal calls have equal texts."""
    return canonical_json(call_args(call))
