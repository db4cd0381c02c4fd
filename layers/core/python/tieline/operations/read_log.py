"""Reads a piece of an execution's log."""

from __future__ import annotations

from dataclasses import dataclass

from tieline.operations.records import LOG, load_execution
from tieline.operations.workspace import Workspace
from tieline.ports import Row

PAGE = 50


@dataclass(frozen=True, slots=True)
class LogPart:
    """Log bytes from `start` on; `length` is the whole log's. The text is ASCII JSON lines."""

    start: int
    data: str
    length: int
    is_truncated: bool


def log_row(execution_id: str, start: int, text: str) -> Row:
    """Gives the row of a piece of log that begins at byte `start`."""
    return Row(kind=LOG, id=_row_id(execution_id, start), body=text, parent_id=execution_id)


def _row_id(execution_id: str, start: int) -> str:
    return f"{execution_id}/{start:012d}"


def read_log(workspace: Workspace, execution_id: str, start: int, limit: int) -> LogPart:
    """Gives up to `limit` bytes of the log from byte `start` on.

    Raises:
        NotFoundError: there is no such execution.
    """
    log = load_execution(workspace.store, execution_id).execution.log
    wanted = min(limit, max(0, log.length - start))
    data = _read(workspace, execution_id, start, wanted) if wanted else ""
    return LogPart(start, data, log.length, log.is_truncated)


def _read(workspace: Workspace, execution_id: str, start: int, wanted: int) -> str:
    behind = _row_id(execution_id, start + 1)
    rows = list(workspace.store.list(LOG, after=behind, limit=1, newest_first=True))
    pieces: list[str] = []
    size = 0
    position = start
    while rows and size < wanted:
        for row in rows:
            owner, _, offset = row.id.rpartition("/")
            if owner != execution_id:
                return "".join(pieces)
            piece = row.body[position - int(offset) :][: wanted - size]
            pieces.append(piece)
            size += len(piece)
            position += len(piece)
        rows = list(workspace.store.list(LOG, after=rows[-1].id, limit=PAGE))
    return "".join(pieces)
