"""Adds lines to the log of an execution that runs here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from tieline.errors import ConflictError
from tieline.operations.read_log import log_row
from tieline.operations.records import Versioned, load_execution
from tieline.operations.workspace import WRITE_ATTEMPTS, Workspace, write_executions
from tieline.ports import Put
from tieline.protocol.execution import Execution
from tieline.protocol.values import JsonObject

TRUNCATED_LINE = '{"level": "WARNING", "message": "log truncated: it reached its cap"}\n'
ROW_BYTES = 128 * 1024
"""Largest piece of log in one row: well below what a row may hold on any host."""


def append_log(workspace: Workspace, execution_id: str, lines: Sequence[JsonObject]) -> Execution:
    """Appends lines as JSON lines; what goes beyond the cap is dropped and marked `truncated`.

    Raises:
        NotFoundError: there is no such execution.
        ConflictError: it was changed by others too often.
    """
    text = "".join(json.dumps(line, ensure_ascii=True) + "\n" for line in lines)
    for _ in range(WRITE_ATTEMPTS):
        found = load_execution(workspace.store, execution_id)
        log = found.execution.log
        if log.is_truncated or not text:
            return found.execution
        fits, is_cut = _cut(text, workspace.limits.log_bytes - log.length)
        changed = replace(
            found.execution,
            log=replace(log, length=log.length + len(fits), is_truncated=is_cut),
        )
        rows = [
            Put(log_row(execution_id, log.length + at, fits[at : at + ROW_BYTES]))
            for at in range(0, len(fits), ROW_BYTES)
        ]
        try:
            write_executions(workspace, [Versioned(changed, found.version)], rows)
        except ConflictError:
            continue
        return changed
    raise ConflictError("execution", execution_id)


def _cut(text: str, room: int) -> tuple[str, bool]:
    """Gives as many whole lines as fit, and a last line that says so when some did not."""
    if len(text) <= room:
        return text, False
    return text[: text.rfind("\n", 0, max(room, 0)) + 1] + TRUNCATED_LINE, True
