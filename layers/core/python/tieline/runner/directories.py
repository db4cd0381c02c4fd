"""Names of the directories that flows work in; a zygote's death leaves them as its testament."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def flow_directory(zygote_directory: Path, flow_id: int, pid: int) -> Path:
    """Gives the directory of a flow; its name tells the flow's process group."""
    return zygote_directory / f"{flow_id}.{pid}"


def flow_groups(zygote_directory: Path) -> Iterator[tuple[int, int]]:
    """Gives (flow id, process group) of each flow that has a directory."""
    for directory in zygote_directory.glob("*.*"):
        flow_id, _dot, pid = directory.name.partition(".")
        if flow_id.isdecimal() and pid.isdecimal():
            yield int(flow_id), int(pid)
