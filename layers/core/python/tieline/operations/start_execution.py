"""Creates an execution, here or in the workspace behind a link."""

from __future__ import annotations

from dataclasses import dataclass

from tieline.operations.workspace import Workspace
from tieline.protocol.execution import Execution
from tieline.protocol.values import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody wants to run. `remote_workspace_name` names a sync config; None is here."""

    flow_name: str
    script: str | None = None
    input_value: Json = None
    name: str | None = None
    remote_workspace_name: str | None = None
    max_runtime_seconds: float | None = None
    not_after_seconds: float | None = None
    is_held: bool = False
    is_detached: bool = False
    requested_by: str | None = None
    parent_id: str | None = None
    sequence: int | None = None


def start_execution(workspace: Workspace, request: Request) -> Execution:
    """Creates the execution and sees that it runs soon, unless it is held back."""
    raise NotImplementedError
