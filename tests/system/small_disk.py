"""A disk that is full when the test wants it: a small file system, or a limit on the process."""

from __future__ import annotations

import errno
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from system.site import Site

SIZE = "6m"
"""Room for an empty database, its log and what a test stores; little to fill."""


PAGE_BYTES = 4096


class MountRefusedError(Exception):
    """This machine does not let the test mount a file system."""


@dataclass(frozen=True)
class Disk:
    """Where the data directory is, and how its disk becomes full and has room again."""

    directory: Path
    fill: Callable[[Site], None]
    make_room: Callable[[Site], None]


@contextmanager
def small_file_system(directory: Path) -> Iterator[Disk]:
    """Mounts a small tmpfs; full means that there is no byte left."""
    directory.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tieline-test", str(directory)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise MountRefusedError from error
    ballast = directory / "ballast"

    def fill(site: Site) -> None:
        del site
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(PAGE_BYTES))
            except OSError as error:
                assert error.errno == errno.ENOSPC  # noqa: PT017 - being full is the aim

    def make_room(site: Site) -> None:
        del site
        ballast.unlink()

    try:
        yield Disk(directory, fill, make_room)
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True, capture_output=True)


@contextmanager
def size_limit(directory: Path) -> Iterator[Disk]:
    """Limits how large files of the running host may be; full means that none may grow."""

    def limit(site: Site, size: int) -> None:
        assert site.process is not None
        _, hard = resource.prlimit(site.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(site.process.pid, resource.RLIMIT_FSIZE, (size, hard))

    yield Disk(
        directory,
        fill=lambda site: limit(site, 1),
        make_room=lambda site: limit(site, resource.RLIM_INFINITY),
    )
