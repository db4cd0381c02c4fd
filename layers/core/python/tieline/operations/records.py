"""Records as rows: which indexes each kind is in, and the JSON text of its body."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pydantic import TypeAdapter

from tieline.errors import NotFoundError, UnknownLinkError
from tieline.ports import Row, Store
from tieline.protocol.execution import Execution, Half, Role
from tieline.protocol.link import LinkState, SyncConfig
from tieline.protocol.states import Desired
from tieline.protocol.values import Json

T = TypeVar("T")

EXECUTION = "execution"
LOG = "log"
FLOW = "flow"
SETTING = "setting"
FILE = "file"
SYNC_CONFIG = "sync_config"
LINK = "link"
TOKEN = "token"  # noqa: S105 - the name of a record, not a secret
WORKSPACE = "workspace"

RANK_CANCEL, RANK_ENDED, RANK_START, RANK_RUN, RANK_LOG = range(5)
"""The order in which dirty halves are sent (docs/protocol.md §3 rule 2); reads come with part 3."""


@dataclass(frozen=True, slots=True)
class Versioned:
    """An execution with the stored version it was read at (0: not stored yet)."""

    execution: Execution
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A flow, setting or file. `value` is the script, any JSON, or base64 text."""

    id: str
    name: str
    value: Json
    created_at: datetime
    updated_at: datetime
    locked_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who this workspace is; the row `workspace/self`."""

    name: str
    epoch: int
    thumbprint: str
    public_key: str
    created_at: datetime


_ADAPTERS: dict[type, TypeAdapter[object]] = {}


def _adapter(record: type) -> TypeAdapter[object]:
    found = _ADAPTERS.get(record)
    if found is None:
        found = _ADAPTERS[record] = TypeAdapter(record)
    return found


def write_body(record: object) -> str:
    """Gives a record's JSON text; keys of values keep their order."""
    return _adapter(type(record)).dump_json(record).decode()


def read_body(record: type[T], body: str) -> T:
    """Gives the record back from its JSON text."""
    value = _adapter(record).validate_json(body)
    assert isinstance(value, record)
    return value


def send_rank(execution: Execution) -> int | None:
    """Gives the place of an execution's most urgent dirty half, None when all is clean."""
    halves = execution.dirty_halves
    if not halves or execution.is_held:
        return None
    ranks = []
    for half in halves:
        if half == Half.CONTROL:
            is_cancel = execution.control.desired == Desired.CANCEL
            ranks.append(RANK_CANCEL if is_cancel else RANK_START)
        elif half == Half.RUN:
            ranks.append(RANK_ENDED if execution.is_ended else RANK_RUN)
        else:
            ranks.append(RANK_LOG)
    return min(ranks)


def execution_row(execution: Execution, version: int) -> Row:
    """Gives the row of an execution; content, revs and dirty mark are one value (rule 3.1)."""
    rank = send_rank(execution)
    is_open = execution.link_id is not None and not execution.is_ended
    is_waiting = execution.owns_run and not execution.is_held and not execution.is_ended
    return Row(
        kind=EXECUTION,
        id=execution.id,
        body=write_body(execution),
        version=version,
        dirty_link=None if rank is None else execution.link_id,
        dirty_rank=rank or 0,
        due_at=execution.created_at if is_waiting else None,
        parent_id=execution.parent_id,
        group=open_group(execution.link_id, execution.role) if is_open else None,
        is_listed=execution.is_in_list,
    )


def open_group(link_id: str | None, role: Role) -> str:
    """Gives the group that holds a link's open executions of one role."""
    return f"open/{role}/{link_id}"


def execution_of(row: Row) -> Versioned:
    """Gives the execution that a row holds."""
    return Versioned(read_body(Execution, row.body), row.version)


def load_execution(store: Store, execution_id: str) -> Versioned:
    """Gives an execution.

    Raises:
        NotFoundError: there is none of that id.
    """
    row = store.get(EXECUTION, execution_id)
    if row is None:
        raise NotFoundError(f"execution {execution_id} does not exist")
    return execution_of(row)


def load_config(store: Store, name: str) -> SyncConfig:
    """Gives the sync config of that name.

    Raises:
        UnknownLinkError: there is none of that name.
    """
    row = store.get_by_name(SYNC_CONFIG, name)
    if row is None:
        raise UnknownLinkError(f"sync config {name!r} does not exist")
    return read_body(SyncConfig, row.body)


def config_of(store: Store, link_id: str) -> SyncConfig:
    """Gives the sync config of that id.

    Raises:
        UnknownLinkError: it does not exist, or not any more.
    """
    row = store.get(SYNC_CONFIG, link_id)
    if row is None:
        raise UnknownLinkError(f"sync config {link_id} does not exist")
    return read_body(SyncConfig, row.body)


def load_link_state(store: Store, link_id: str) -> tuple[LinkState, int]:
    """Gives what a link remembers and the stored version (0: it never exchanged anything)."""
    row = store.get(LINK, link_id)
    if row is None:
        return LinkState(id=link_id), 0
    return read_body(LinkState, row.body), row.version


def link_row(state: LinkState, version: int) -> Row:
    """Gives the row of a link's state."""
    return Row(kind=LINK, id=state.id, body=write_body(state), version=version, is_listed=False)


def config_row(config: SyncConfig, version: int) -> Row:
    """Gives the row of a sync config."""
    return Row(
        kind=SYNC_CONFIG, id=config.id, body=write_body(config), version=version, name=config.name
    )
