"""A workspace on disk: its records, and the process that runs it when it runs.

Records are read and written by the test's own process through the REST routers, beside the host
on the same data directory, just as the command line does it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from fakes import private_pem, public_text
from rest_client import Reply, RestClient
from system.host_process import HostProcess
from system.waiting import eventually
from tieline.bootstrap import WAKE, Adapters, open_adapters, open_workspace
from tieline.config import EmbeddedSettings
from tieline.embedded.wake_pipe import ring
from tieline.operations.create_workspace import create_workspace

ENDED = ("ENDED_SUCCESS", "ENDED_ERROR", "ENDED_CANCELLED")


class _Nobody:
    """The `Runner` and `Hints` of a process that runs nothing; the host looks for itself."""

    def start(self, execution_id: str) -> None:
        pass

    def cancel(self, execution_id: str) -> None:
        pass

    def link_changed(self, link_id: str, *, is_urgent: bool = True) -> None:
        pass

    def config_changed(self, link_id: str) -> None:
        pass

    def execution_changed(self, execution_id: str) -> None:
        pass


@dataclass
class Site:
    """One workspace. `name` is also the owner of its key in `fakes.private_pem`."""

    name: str
    directory: Path
    log: Path
    tls: tuple[Path, Path] | None = None
    url: str = ""
    process: HostProcess | None = None
    _open: tuple[Adapters, RestClient] | None = field(default=None, repr=False)

    def make(self) -> None:
        """Makes the workspace, with a small key because making keys takes long."""
        adapters = open_adapters(EmbeddedSettings(data_directory=self.directory))
        adapters.keys.save("workspace", private_pem(self.name))
        create_workspace(adapters.store, adapters.keys, adapters.clock, self.name)
        adapters.close()

    # the process

    def start(self) -> None:
        """Starts the host: with a certificate the server, else the agent."""
        where = ["--data-dir", str(self.directory)]
        if self.tls is None:
            self.process = HostProcess([*where, "agent", "run"], self.log)
            return
        # Port 0 the first time; later the one that the peers know.
        port = self.url.rpartition(":")[2] or "0"
        certificate, key = map(str, self.tls)
        serve = ["serve", "--port", port, "--tls-cert", certificate, "--tls-key", key]
        self.process = HostProcess([*where, *serve], self.log)
        self.url = self.process.started["url"]

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.is_running

    def kill(self) -> None:
        assert self.process is not None
        # First, as an open database would spare the next process its recovery.
        self.close()
        self.process.kill()

    def terminate(self) -> int:
        assert self.process is not None
        self.close()
        return self.process.terminate()

    def end(self) -> None:
        """Ends what is left of it after a test."""
        self.close()
        if self.is_running and self.process is not None:
            self.process.kill()

    def close(self) -> None:
        """Closes what this process has open of the workspace."""
        if self._open is not None:
            self._open[0].close()
            self._open = None

    # its records

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Reply:
        """Makes one REST call and lets the host look at what it changed."""
        reply = self._client().request(method, path, body, **query)
        if method != "GET":
            ring(self.directory / WAKE)
        return reply

    def get(self, path: str, **query: Any) -> Any:
        return _value(self.call("GET", path, **query))

    def change(self, method: str, path: str, body: Any = None) -> Any:
        return _value(self.call(method, path, body))

    def add_flow(self, name: str, script: str) -> None:
        self.change("POST", "/flow", {"name": name, "script": script})

    def begin(
        self, flow: str, on: str | None = None, input_value: Any = None, **options: Any
    ) -> str:
        """Starts a flow, here or behind a link; gives the execution's id."""
        body = {"flow_name": flow, "input_value": input_value, **options}
        if on is not None:
            body["remote_workspace_name"] = on
        return str(self.change("POST", "/execution", body)["id"])

    def execution(self, execution_id: str) -> dict[str, Any]:
        """The execution as it stands here; empty when it is not known here."""
        reply = self.call("GET", f"/execution/{execution_id}")
        return {} if reply.status == 404 else dict(_value(reply))

    def status(self, execution_id: str) -> str:
        return str(self.execution(execution_id).get("status", "unknown"))

    def ended(self, execution_id: str, timeout_seconds: float = 20.0) -> dict[str, Any]:
        """Waits for the execution's end as seen here."""
        return eventually(
            lambda: self.execution(execution_id) if self.status(execution_id) in ENDED else {},
            timeout_seconds,
        )

    def listed(self) -> list[dict[str, Any]]:
        """What the list of executions shows, newest first."""
        return list(self.get("/execution", limit=500)["items"])

    def children(self, execution_id: str) -> list[dict[str, Any]]:
        return list(self.get("/execution", parent_id=execution_id)["items"])

    def log_lines(self, execution_id: str) -> list[dict[str, Any]]:
        data = self.get(f"/execution/{execution_id}/log")["data"]
        return [json.loads(line) for line in data.splitlines()]

    # its links

    def link(self, peer: str, **fields: Any) -> None:
        body = {"name": peer, "is_enabled": True, "remote_public_key": public_text(peer)}
        self.change("POST", "/sync_config", {**body, **fields})

    def change_link(self, peer: str, **fields: Any) -> None:
        self.change("PATCH", f"/sync_config/{peer}", fields)

    def health(self, peer: str) -> dict[str, Any]:
        return dict(self.get(f"/sync_config/{peer}/status"))

    def _client(self) -> RestClient:
        if self._open is None:
            adapters = open_adapters(EmbeddedSettings(data_directory=self.directory))
            nobody = _Nobody()
            self._open = (adapters, RestClient(open_workspace(adapters, nobody, nobody)))
        return self._open[1]


def seconds_between(earlier: str, later: str) -> float:
    """The time between two times as the REST interface shows them."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def _value(reply: Reply) -> Any:
    assert reply.status < 300, f"{reply.status} {reply.text}"
    return reply.json if reply.text else None
