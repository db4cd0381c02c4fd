"""How much of the machine one flow process may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from tieline.flows.frames import FrameError
from tieline.protocol.plain_json import PlainJson

MAX_LOG_LINE_BYTES = 64 * 1024
"""Longest line of a flow's log, as JSON; the rest is cut off and marked."""

MAX_MESSAGE_CHARACTERS = 64 * 1024
"""Longest message of an ended execution; enough for any traceback a person reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLimits:
    """Limits that the kernel enforces on a flow process and, each for itself, its children.

    `memory_bytes` is address space. `cpu_seconds` is time on a processor, not on the clock.
    """

    memory_bytes: int = 1024 * 1024 * 1024
    cpu_seconds: int = 3600
    open_files: int = 256
    file_bytes: int = 1024 * 1024 * 1024

    def as_json(self) -> dict[str, PlainJson]:
        """Gives the limits as they stand in a start frame."""
        return asdict(self)


def read_limits(value: Mapping[str, PlainJson]) -> ProcessLimits:
    """Gives the limits of a start frame; what is absent keeps its default.

    Raises:
        FrameError: a limit is unknown or not a positive integer.
    """
    known = {each.name for each in fields(ProcessLimits)}
    chosen: dict[str, int] = {}
    for name, limit in value.items():
        if name not in known or not isinstance(limit, int) or limit <= 0:
            raise FrameError(f"limit {name} = {limit!r} is not a limit")
        chosen[name] = limit
    return ProcessLimits(**chosen)
