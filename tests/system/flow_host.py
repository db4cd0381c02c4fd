"""A whole embedded workspace in the test's process, to run scripts in."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fakes import private_pem
from tieline.bootstrap import open_adapters
from tieline.config import EmbeddedSettings
from tieline.embedded.host import EmbeddedHost
from tieline.operations.create_workspace import create_workspace
from tieline.operations.manage_resources import create_resource
from tieline.operations.read_log import read_log
from tieline.operations.records import FLOW, load_execution
from tieline.operations.start_execution import Request, start_execution
from tieline.operations.want_execution import want_execution
from tieline.protocol.execution import Execution
from tieline.protocol.states import Desired, Status

END_SECONDS = 30.0


class FlowHost:
    """Runs scripts and waits for what becomes of them."""

    def __init__(self, host: EmbeddedHost) -> None:
        self.host = host
        self.workspace = host.workspace
        self._count = 0

    def add_flow(self, name: str, script: str) -> None:
        create_resource(self.workspace, FLOW, name, textwrap.dedent(script))

    def start(self, script: str, input_value: Any = None, **options: Any) -> str:
        """Starts a script under a name of its own; gives the execution's id."""
        self._count += 1
        name = f"flow-{self._count}"
        self.add_flow(name, script)
        request = Request(flow_name=name, input_value=input_value, **options)
        return start_execution(self.workspace, request).id

    def get(self, execution_id: str) -> Execution:
        return load_execution(self.workspace.store, execution_id).execution

    def until(self, execution_id: str, *statuses: Status) -> Execution:
        """Waits until the execution has one of the statuses, ended when none is named."""
        watch = self.host.changes.watch([execution_id])
        try:
            deadline = self.workspace.clock.monotonic() + END_SECONDS
            while True:
                found = self.get(execution_id)
                if found.run.status in statuses or (not statuses and found.is_ended):
                    return found
                left = deadline - self.workspace.clock.monotonic()
                assert left > 0, f"{found.run} {self.log(execution_id)}"
                watch.wait(left)
        finally:
            watch.close()

    def run(self, script: str, input_value: Any = None, **options: Any) -> Execution:
        return self.until(self.start(script, input_value, **options))

    def output(self, script: str, input_value: Any = None) -> Any:
        """Runs a script that must succeed and gives its output."""
        ended = self.run(script, input_value)
        assert ended.run.status == Status.ENDED_SUCCESS, ended.run.message
        return ended.run.output_value

    def cancel(self, execution_id: str) -> None:
        want_execution(self.workspace, execution_id, Desired.CANCEL)

    def log(self, execution_id: str) -> str:
        return read_log(self.workspace, execution_id, 0, 10**6).data


@contextmanager
def flow_host(directory: Path, name: str = "here") -> Iterator[FlowHost]:
    """Gives a running workspace in that directory, stopped at the end."""
    settings = EmbeddedSettings(data_directory=directory)
    adapters = open_adapters(settings)
    adapters.keys.save("workspace", private_pem(name))
    create_workspace(adapters.store, adapters.keys, adapters.clock, name)
    adapters.close()
    host = EmbeddedHost(settings)
    host.start()
    try:
        yield FlowHost(host)
    finally:
        host.stop()
