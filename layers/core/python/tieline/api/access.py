"""Who may call what: one table of resources, and the check that reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tieline.errors import ForbiddenError
from tieline.operations.manage_tokens import Principal, Role, authenticate
from tieline.operations.workspace import Workspace

BASE_PATH = "/api/latest"

OPENAPI_PATH = f"{BASE_PATH}/openapi.json"
PUBLIC_PATHS = frozenset({"/alive", "/ready", OPENAPI_PATH})
"""What load balancers and generators of clients read; nothing of the workspace is in it."""


@dataclass(frozen=True, slots=True)
class Needed:
    """The least role for reading and for everything else."""

    to_read: Role
    to_write: Role


_WORK = Needed(Role.VIEWER, Role.USER)
_TRUST = Needed(Role.ORGANIZATION_ADMIN, Role.ORGANIZATION_ADMIN)

NEEDED: Mapping[str, Needed] = {
    "flow": _WORK,
    "setting": _WORK,
    "file": _WORK,
    "execution": _WORK,
    "sync_config": _TRUST,
    "token": _TRUST,
    "workspace": Needed(Role.VIEWER, Role.ORGANIZATION_ADMIN),
}


def needed_role(method: str, path: str) -> Role | None:
    """Gives the least role for a request; None when anybody may ask."""
    if path in PUBLIC_PATHS:
        return None
    resource = path.removeprefix(f"{BASE_PATH}/").split("/", 1)[0]
    needed = NEEDED.get(resource) if path.startswith(f"{BASE_PATH}/") else None
    if needed is None:
        return None  # nothing is there: 404, whoever asks
    return needed.to_read if method == "GET" else needed.to_write


def admit(
    workspace: Workspace,
    principal: Principal | None,
    authorization: str | None,
    needed: Role,
) -> Principal:
    """Gives who calls, when that one may.

    Args:
        principal: who calls, when the host knows; then no token is looked at.
        authorization: the header of that name.

    Raises:
        UnauthenticatedError: no token, or none that is valid.
        ForbiddenError: names the role that is needed.
    """
    caller = principal or authenticate(workspace, _bearer(authorization))
    if not caller.role.includes(needed):
        raise ForbiddenError(f"this needs the role {needed}; {caller.name} is {caller.role}")
    return caller


def _bearer(authorization: str | None) -> str:
    scheme, _, text = (authorization or "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""
