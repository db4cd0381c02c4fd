"""The few things a flow process needs of Linux that the standard library does not name."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from pathlib import Path

from tieline.flows.limits import ProcessLimits

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
"""Numbers from prctl(2)."""

MEMORY_RESERVE_BYTES = 64 * 1024 * 1024
"""Address space kept back from the script, so that a MemoryError can still be told."""

CPU_GRACE_SECONDS = 5
"""Between SIGXCPU, which ends a script by default, and SIGKILL, which ends any."""

_SIGKILL = int(signal.SIGKILL)

_prctl = ctypes.CDLL(None, use_errno=True).prctl


def die_with_parent(parent_pid: int) -> None:
    """Has the kernel kill this process when its parent dies, or ends it if it has already."""
    _control_process(PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(0)


def adopt_orphans() -> None:
    """Makes this process the parent of descendants whose own parent ended."""
    _control_process(PR_SET_CHILD_SUBREAPER, 1)


def hide_from_others() -> None:
    """Keeps other processes of this user from reading this one's environment and memory.

    Those of root can still read them. A program that is executed from here is not hidden.
    """
    _control_process(PR_SET_DUMPABLE, 0)


def children_of_this() -> set[int]:
    """Gives the ids of this process's children, zombies too.

    Not done here: kernels built without CONFIG_PROC_CHILDREN; there it gives none, and a flow's
    process group alone is killed.
    """
    pid = os.getpid()
    try:
        return {int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    except FileNotFoundError:
        return set()


def apply_limits(limits: ProcessLimits) -> None:
    """Sets the limits of this process and of all that it starts; no more than it has now."""
    _lower(resource.RLIMIT_CORE, 0, 0)
    _lower(resource.RLIMIT_NOFILE, limits.open_files, limits.open_files)
    _lower(resource.RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes)
    _lower(resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + CPU_GRACE_SECONDS)
    memory = limits.memory_bytes
    _lower(resource.RLIMIT_AS, memory, memory + MEMORY_RESERVE_BYTES)


def release_memory_reserve() -> None:
    """Gives the reserve to a script that ran out of memory; once it has ended."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _lower(kind: int, soft: int, hard: int) -> None:
    highest = resource.getrlimit(kind)[1]
    if highest != resource.RLIM_INFINITY:
        soft, hard = min(soft, highest), min(hard, highest)
    resource.setrlimit(kind, (soft, hard))


def _control_process(option: int, value: int) -> None:
    if _prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
