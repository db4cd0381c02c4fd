"""Measures the remote no-op flow beside its floor and prints a table and one JSON line.

Two real workspaces on loopback: `cloud` serves, `agent` dials out. A flow in the cloud runs the
no-op flow at the agent: one after another for the latency, 200 at once for the rate. Each is
signed both ways with 3072-bit keys, durable on both sides, and runs in a process of its own.
Targets: docs/architecture.md, "Targets".
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
from floor import measure_floor

from tieline.cli.client import object_of, path_to
from tieline.cli.local_client import LocalClient
from tieline.config import EmbeddedSettings

SINGLES = 100
BURST = 200
IDLE_SECONDS = 20.0
TIMEOUT_SECONDS = 120.0

NOOP = "def handler(system, this):\n    pass\n"

ONE_BY_ONE = """\
import time

def handler(system, this, inputs):
    times = []
    for _ in range(inputs["count"]):
        begun = time.perf_counter()
        this.flow("noop", remote_workspace_name="agent")
        times.append((time.perf_counter() - begun) * 1000)
    return times
"""

AT_ONCE = """\
import time

def handler(system, this, inputs):
    begun = time.perf_counter()
    children = [
        this.flow("noop", remote_workspace_name="agent", wait=False) for _ in range(inputs["count"])
    ]
    this.wait_for(*children)
    return time.perf_counter() - begun
"""


class Side:
    """One workspace: its directory, its client, its host's process."""

    def __init__(self, name: str, top: Path) -> None:
        self.name = name
        self.directory = top / name
        self.process: psutil.Process
        self.url = ""
        self._tieline("init", "--name", name)
        self.client = LocalClient(EmbeddedSettings(data_directory=self.directory))
        self.public_key = str(self._get("GET", "/workspace")["public_key"])

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "tieline", "--data-dir", str(self.directory), *arguments]

    def _tieline(self, *arguments: str) -> None:
        subprocess.run(self._command(*arguments), check=True, capture_output=True)

    def _get(self, method: str, path: str, body: dict[str, object] | None = None) -> dict:  # type: ignore[type-arg]
        return object_of(self.client.request(method, path, body=body))  # type: ignore[arg-type]

    def link(self, name: str, key: str, url: str = "") -> None:
        """Links to the other side, control both ways."""
        body: dict[str, object] = {"name": name, "remote_public_key": key, "control": "both"}
        self._get("POST", "/sync_config", body | {"is_enabled": True, "remote_url": url})

    def add_flow(self, name: str, script: str) -> None:
        """Adds a flow."""
        self._get("POST", "/flow", {"name": name, "script": script})

    @contextmanager
    def running(self, *arguments: str) -> Iterator[None]:
        """Runs the host for as long as the block lasts."""
        with tempfile.TemporaryFile() as log:
            command = self._command("--json", *arguments)
            host = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
            assert host.stdout is not None
            text = ""
            for line in host.stdout:
                text += line
                if line.startswith("}"):
                    break
            self.url = str(json.loads(text).get("url", ""))
            self.process = psutil.Process(host.pid)
            try:
                yield
            finally:
                host.terminate()
                host.wait()
                self.client.close()

    def run(self, flow: str, count: int) -> object:
        """Runs a flow here to its end and gives its output."""
        body: dict[str, object] = {"flow_name": flow, "input_value": {"count": count}}
        execution_id = str(self._get("POST", "/execution", body)["id"])
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            view = self._get("GET", path_to("execution", execution_id))
            if str(view["status"]).startswith("ENDED"):
                if view["status"] != "ENDED_SUCCESS":
                    raise RuntimeError(f"{flow}: {view['status']} {view['message']}")
                return view["output_value"]
            time.sleep(0.1)
        raise RuntimeError(f"{flow} did not end")

    def cpu_seconds(self) -> float:
        """Gives the processor time used by the host and all it started, ended ones included."""
        total = 0.0
        for each in [self.process, *self.process.children(recursive=True)]:
            used = each.cpu_times()
            total += used.user + used.system + used.children_user + used.children_system
        return total

    def pss_megabytes(self) -> tuple[float, float]:
        """Gives the proportional set sizes of the host, and of its zygote with its spare."""
        host = self.process.memory_full_info().pss
        others = [each.memory_full_info().pss for each in self.process.children(recursive=True)]
        return host / 1e6, sum(others) / 1e6


def measure() -> dict[str, float]:
    """Gives all figures of one run."""
    with ExitStack() as stack:
        parent = os.environ.get("BENCH_DIRECTORY")
        top = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=parent)))
        cloud, agent = Side("cloud", top), Side("agent", top)
        cloud.link("agent", agent.public_key)
        agent.add_flow("noop", NOOP)
        cloud.add_flow("one-by-one", ONE_BY_ONE)
        cloud.add_flow("at-once", AT_ONCE)
        stack.enter_context(cloud.running("serve", "--port", "0"))
        url = f"{cloud.url}/api/latest/sync_config/agent/sync"
        agent.link("cloud", cloud.public_key, url)
        stack.enter_context(agent.running("agent", "run"))
        cloud.run("one-by-one", 10)
        figures = _measure_flows(cloud, agent)
        floor = measure_floor(SINGLES, BURST)
        figures |= {f"floor_{name}": value for name, value in floor.items()}
        figures |= _measure_idle(cloud, agent)
    for name in ("p50_ms", "p95_ms", "burst_per_s"):
        figures[f"{name}_ratio"] = figures[name] / figures[f"floor_{name}"]
    return figures


def _measure_flows(cloud: Side, agent: Side) -> dict[str, float]:
    times = cloud.run("one-by-one", SINGLES)
    assert isinstance(times, list)
    before = cloud.cpu_seconds() + agent.cpu_seconds()
    seconds = cloud.run("at-once", BURST)
    assert isinstance(seconds, float)
    cpu = cloud.cpu_seconds() + agent.cpu_seconds() - before
    return {
        "p50_ms": statistics.median(times),
        "p95_ms": statistics.quantiles(times, n=20)[18],
        "burst_per_s": BURST / seconds,
        "cpu_ms_per_flow": cpu * 1000 / BURST,
    }


def _measure_idle(cloud: Side, agent: Side) -> dict[str, float]:
    before = [side.cpu_seconds() for side in (cloud, agent)]
    time.sleep(IDLE_SECONDS)
    used = [side.cpu_seconds() - was for side, was in zip((cloud, agent), before, strict=True)]
    server, agent_pss = cloud.pss_megabytes(), agent.pss_megabytes()
    return {
        "idle_cpu_percent_server": used[0] / IDLE_SECONDS * 100,
        "idle_cpu_percent_agent": used[1] / IDLE_SECONDS * 100,
        "pss_mb_server": server[0],
        "pss_mb_agent": agent_pss[0],
        "pss_mb_server_zygote": server[1],
        "pss_mb_agent_zygote": agent_pss[1],
    }


TARGETS: dict[str, tuple[str, float]] = {
    "p50_ms_ratio": ("<=", 2.5),
    "p95_ms_ratio": ("<=", 3.0),
    "burst_per_s_ratio": (">=", 0.8),
    "cpu_ms_per_flow": ("<=", 5.0),
    "idle_cpu_percent_server": ("<=", 0.3),
    "idle_cpu_percent_agent": ("<=", 0.3),
    "pss_mb_server": ("<=", 60.0),
    "pss_mb_agent": ("<=", 40.0),
}


def print_table(figures: dict[str, float]) -> None:
    """Prints every figure, and beside it the target where there is one."""
    print(f"{'figure':<26} {'measured':>10}  target")
    for name, value in figures.items():
        target = ""
        if name in TARGETS:
            sign, bound = TARGETS[name]
            is_met = value <= bound if sign == "<=" else value >= bound
            target = f"{sign} {bound:g} {'met' if is_met else 'MISSED'}"
        print(f"{name:<26} {value:>10.2f}  {target}")


if __name__ == "__main__":
    found = measure()
    print_table(found)
    print(json.dumps({name: round(value, 3) for name, value in found.items()}))
