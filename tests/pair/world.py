"""Two or more workspaces in one process: real core, real store, virtual time, a loopback network.

Flows are Python functions here: they get the execution and give how it ends. They run at once
when started, through the real `run_flow`, unless the side holds them back (`side.is_busy`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fakes import ManualClock, add_identity, make_workspace, private_pem, public_text
from tieline.adapters.loopback_transport import LoopbackNetwork, LoopbackTransport
from tieline.adapters.memory_keys import MemoryKeys
from tieline.adapters.memory_store import MemoryStore
from tieline.errors import ThrottledError, TielineError
from tieline.operations.link_session import LinkSession
from tieline.operations.manage_links import create_link, update_link
from tieline.operations.manage_resources import create_resource
from tieline.operations.receive_post import Posted, receive_post
from tieline.operations.records import EXECUTION, FLOW, execution_of, load_execution, open_group
from tieline.operations.run_flow import Control, run_flow
from tieline.operations.send_changes import send_changes
from tieline.operations.start_execution import Request, start_execution
from tieline.operations.workspace import Workspace
from tieline.ports import Answer
from tieline.protocol.dialling import NEVER, Dialling
from tieline.protocol.execution import Execution, Role
from tieline.protocol.link import SyncConfig

Flow = Callable[[Execution], Mapping[str, Any]]


def succeed(output: Any = None) -> Flow:
    """A flow that ends with an output."""

    def flow(execution: Execution) -> Mapping[str, Any]:
        del execution
        return {"status": "ENDED_SUCCESS", "output_value": output, "has_output": True}

    return flow


def fail(message: str) -> Flow:
    """A flow that ends with an error."""

    def flow(execution: Execution) -> Mapping[str, Any]:
        del execution
        return {"status": "ENDED_ERROR", "code": "failed", "message": message}

    return flow


@dataclass
class ScriptedProcess:
    """A flow process that says at once what its flow function gives."""

    side: Side
    frames: list[Mapping[str, Any]] = field(default_factory=list)

    def send(self, frame: Mapping[str, Any]) -> None:
        execution = load_execution(self.side.store, frame["execution"]["id"]).execution
        self.side.effects.append(execution.id)
        said = self.side.flows[execution.flow_name](execution)
        self.frames += [{"kind": "log", "line": line} for line in said.get("log", ())]
        self.frames.append({"kind": "end", **{k: v for k, v in said.items() if k != "log"}})

    def receive(self) -> Mapping[str, Any] | None:
        return self.frames.pop(0) if self.frames else None

    def has_frame(self) -> bool:
        return bool(self.frames)

    def terminate(self) -> None:
        pass

    def kill(self) -> None:
        pass

    def close(self) -> None:
        pass

    def wait(self, timeout_seconds: float | None) -> str:
        del timeout_seconds
        return "ended"


class Nothing:
    """The `Changes` port where nobody waits."""

    def watch(self, keys: Sequence[str]) -> Nothing:
        del keys
        return self

    def wait(self, timeout_seconds: float | None) -> Sequence[str]:
        raise AssertionError("nothing may wait in virtual time")

    def take(self) -> Sequence[str]:
        return ()

    def close(self) -> None:
        pass

    def notify(self, key: str) -> None:
        pass

    def call_later(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        del seconds, action
        return lambda: None


@dataclass
class Side:
    """One workspace. `effects` lists the executions whose flow really ran, in order."""

    name: str
    world: World
    workspace: Workspace = field(init=False)
    store: Any = field(default_factory=MemoryStore)
    flows: dict[str, Flow] = field(default_factory=dict)
    effects: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    cancels: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    is_busy: bool = False
    links: dict[str, Dialling] = field(default_factory=dict)
    sessions: dict[str, LinkSession] = field(default_factory=dict)
    errors: list[TielineError] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys = MemoryKeys()
        self.epoch = len(self.world.sides) + 10
        add_identity(self.store, self.keys, self.name, self.epoch)
        self.restart(f"instance-{self.name}")

    def restart(self, instance: str) -> None:
        """Begins a new process: what was only in memory is gone."""
        self.waiting.clear()
        self.sessions.clear()
        self.is_busy = False
        for dialling in self.links.values():
            dialling.failures, dialling.poll_at = 0, self.world.clock.monotonic()
        self.workspace = make_workspace(
            name=self.name,
            epoch=self.epoch,
            instance=instance,
            store=self.store,
            keys=self.keys,
            transport=LoopbackTransport(self.world.network),
            runner=self,
            hints=self,
            clock=self.world.clock,
        )
        self.world.network.attach(self.name, self.serve)

    # ports
    def start(self, execution_id: str) -> None:
        if execution_id not in self.waiting:
            self.waiting.append(execution_id)

    def cancel(self, execution_id: str) -> None:
        self.cancels.append(execution_id)

    def link_changed(self, link_id: str, *, is_urgent: bool = True) -> None:
        if link_id in self.links:
            self.links[link_id].changed(self.world.clock.monotonic(), is_urgent=is_urgent)

    def config_changed(self, link_id: str) -> None:
        del link_id

    def execution_changed(self, execution_id: str) -> None:
        del execution_id

    # what tests do
    def serve(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        name = path.split("/")[-2]
        posted = Posted(config_name=name, headers=list(headers.items()), body=body)
        answered = receive_post(self.workspace, posted, self.session(name))
        return Answer(status=answered.status, headers=answered.headers, body=answered.body)

    def session(self, key: str) -> LinkSession:
        return self.sessions.setdefault(key, LinkSession())

    def add_flow(self, name: str, flow: Flow) -> None:
        create_resource(self.workspace, FLOW, name, "def handler(system, this):\n    pass\n")
        self.flows[name] = flow

    def begin(self, flow: str, on: str | None = None, **options: Any) -> str:
        request = Request(flow_name=flow, remote_workspace_name=on, **options)
        started = start_execution(self.workspace, request).id
        self.begun.append(started)
        return started

    def get(self, execution_id: str) -> Execution:
        return load_execution(self.store, execution_id).execution

    def everything(self) -> list[Execution]:
        """Gives all executions, unlisted ones too."""
        found = {each.id: each for each in self.executions()}
        for role in Role:
            for config in self.store.list("sync_config"):
                for row in self.store.members(open_group(config.id, role), limit=1000):
                    found[row.id] = execution_of(row).execution
        found |= {key: self.get(key) for key in self.begun if key not in found}
        return list(found.values())

    def executions(self) -> list[Execution]:
        return [execution_of(row).execution for row in self.store.list(EXECUTION)]

    def run_waiting(self) -> int:
        ids, self.waiting = self.waiting, []
        for execution_id in ids:
            run_flow(self.workspace, execution_id, _Processes(self), Nothing(), Control())
        return len(ids)

    def change_link(self, name: str, **fields: Any) -> None:
        self.world.change_link(self, name, **fields)


@dataclass
class _Processes:
    side: Side

    def spawn(self) -> ScriptedProcess:
        return ScriptedProcess(self.side)


class World:
    """Workspaces, their network and their time."""

    def __init__(self) -> None:
        self.clock = ManualClock(seed="world")
        self.network = LoopbackNetwork()
        self.sides: list[Side] = []
        self.configs: dict[tuple[str, str], SyncConfig] = {}

    def add(self, name: str, store: Any = None) -> Side:
        side = Side(name=name, world=self, store=store or MemoryStore())
        self.sides.append(side)
        return side

    def link(self, dialler: Side, answerer: Side, **fields: Any) -> None:
        """Links two sides; each names its sync config after the other. `there_x` is for the
        answerer's field x."""
        there = {name[6:]: fields.pop(name) for name in list(fields) if name.startswith("there_")}
        url = f"https://{answerer.name}/api/latest/sync_config/{dialler.name}/sync"
        self.configure(dialler, answerer, **{"remote_url": url, **fields})
        self.configure(answerer, dialler, **there)

    def configure(self, side: Side, peer: Side, **fields: Any) -> None:
        config = create_link(
            side.workspace,
            {
                "name": peer.name,
                "is_enabled": True,
                "remote_public_key": public_text(peer.name),
                **fields,
            },
        )
        self._took(side, config)

    def change_link(self, side: Side, name: str, **fields: Any) -> None:
        self._took(side, update_link(side.workspace, name, fields))

    def _took(self, side: Side, config: SyncConfig) -> None:
        self.configs[side.name, config.name] = config
        side.links.pop(config.id, None)
        if config.dials:
            side.links[config.id] = Dialling(
                interval=config.sync_interval, poll_at=self.clock.monotonic()
            )

    def run_for(self, seconds: float, *, most_posts: int = 10_000) -> int:
        """Lets time go by and everything happen that falls due; gives the number of exchanges."""
        end = self.clock.monotonic() + seconds
        count = 0
        while True:
            for side in self.sides:
                while side.waiting and not side.is_busy:
                    side.run_waiting()
            due = [
                (min(dialling.poll_at, dialling.push_at), side.name, link_id)
                for side in self.sides
                for link_id, dialling in side.links.items()
            ]
            at, name, link_id = min(due, default=(end + 1, "", ""))
            if at > end:
                self.clock.advance(end - self.clock.monotonic())
                return count
            self.clock.advance(max(0.0, at - self.clock.monotonic()))
            self._exchange(next(each for each in self.sides if each.name == name), link_id)
            count += 1
            assert count < most_posts, "the link never goes quiet"

    def _exchange(self, side: Side, link_id: str) -> None:
        dialling = side.links[link_id]
        dialling.begin_poll(self.clock.monotonic())
        config = next(each for each in self.configs.values() if each.id == link_id)
        try:
            done = send_changes(side.workspace, link_id, side.session(config.name))
        except TielineError as error:
            side.errors.append(error)
            pause = error.retry_after_seconds if isinstance(error, ThrottledError) else None
            dialling.failed(self.clock.monotonic(), 0.5, pause)
            return
        dialling.polled(
            self.clock.monotonic(),
            more=done.more,
            sent=done.sent,
            received=done.received,
            poll_after_ms=done.poll_after_ms,
        )
        again_at = side.session(config.name).sends_again_at(self.clock.monotonic())
        if again_at != NEVER and side.store.count_dirty(link_id):
            dialling.remind(again_at)


__all__ = ["Side", "World", "fail", "private_pem", "succeed"]
