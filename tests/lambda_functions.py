"""The Lambda functions as modules, their sample events, and the workspace that gets them."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from cryptography.hazmat.primitives import serialization

from fakes import START, ManualClock, make_workspace
from tieline.adapters.loopback_transport import LoopbackNetwork, LoopbackTransport
from tieline.adapters.memory_keys import MemoryKeys
from tieline.adapters.memory_store import MemoryStore
from tieline.operations.manage_links import create_link
from tieline.operations.manage_resources import create_resource
from tieline.operations.read_workspace import SELF
from tieline.operations.receive_post import Posted, receive_post
from tieline.operations.records import FLOW, WORKSPACE, Identity, write_body
from tieline.operations.workspace import Workspace
from tieline.ports import Answer, Put, Row
from tieline.protocol.keys import public_pem, thumbprint
from tieline.protocol.link import SyncConfig

ROOT = Path(__file__).parents[1]
EVENTS = ROOT / "events"
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/app.py"))


@cache
def load(name: str) -> Any:
    """Gives the module of a function."""
    return _load(f"function_{name}", ROOT / "functions" / name / "app.py")


@cache
def generator() -> Any:
    """Gives the module that generates the samples."""
    return _load("events_generate", EVENTS / "generate.py")


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sample(name: str) -> Any:
    """Gives a stored sample event, such as `api/alive`."""
    return json.loads((EVENTS / f"{name}.json").read_text())


def fixed_workspace(name: str, epoch: int, **overrides: Any) -> Workspace:
    """Gives a workspace with the samples' key of that name."""
    keys, store = MemoryKeys(), overrides.pop("store", MemoryStore())
    key = generator().fixed_key(name)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    keys.save("workspace", pem)
    identity = Identity(
        name=name,
        epoch=epoch,
        thumbprint=thumbprint(key.public_key()),
        public_key=public_pem(key.public_key()),
        created_at=START,
    )
    store.write([Put(Row(kind=WORKSPACE, id=SELF, body=write_body(identity), is_listed=False))])
    return make_workspace(name=name, epoch=epoch, store=store, keys=keys, **overrides)


def factory(**overrides: Any) -> Workspace:
    """Gives the samples' workspace, with a flow and a link to the cloud that answers only."""
    workspace = fixed_workspace("factory", generator().EPOCH, **overrides)
    create_resource(workspace, FLOW, generator().FLOW, "def handle(system, this): pass\n")
    link_to(workspace, "cloud")
    return workspace


def link_to(workspace: Workspace, peer: str, **fields: Any) -> SyncConfig:
    """Gives a new, enabled link to one of the samples' parties."""
    public = public_pem(generator().fixed_key(peer).public_key())
    return create_link(
        workspace, {"name": peer, "is_enabled": True, "remote_public_key": public, **fields}
    )


class Pair:
    """A cloud workspace that dials a factory, over a loopback network."""

    def __init__(self, **fields: Any) -> None:
        """Takes fields of the cloud's sync config."""
        clock, network = ManualClock(), LoopbackNetwork()
        self.clock, self.network = clock, network
        self.posts = 0
        self.factory = factory(clock=clock)
        self.cloud = fixed_workspace(
            "cloud", generator().PEER_EPOCH, clock=clock, transport=LoopbackTransport(network)
        )
        url = "https://factory/api/latest/sync_config/cloud/sync"
        self.link = link_to(self.cloud, "factory", remote_url=url, **fields)
        network.attach("factory", self._answer)

    def _answer(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.posts += 1
        self.clock.advance(0.001)
        posted = Posted(config_name="cloud", headers=list(headers.items()), body=body)
        answered = receive_post(self.factory, posted)
        return Answer(status=answered.status, headers=answered.headers, body=answered.body)


class RecordingErrands:
    """Notes what a sweep puts into the queues."""

    def __init__(self) -> None:
        self.errands: list[tuple[str, str, int]] = []

    def put(self, errands: Sequence[tuple[str, str, int]]) -> None:
        self.errands += errands


class StillChanges:
    """The `Changes` port where nothing changes; `later` keeps what is to be called."""

    def __init__(self) -> None:
        self.later: list[tuple[float, Callable[[], None]]] = []
        self.notified: list[str] = []

    def watch(self, keys: Sequence[str]) -> StillChanges:
        del keys
        return self

    def wait(self, timeout_seconds: float | None) -> Sequence[str]:
        raise AssertionError("nothing may wait here")

    def take(self) -> Sequence[str]:
        return ()

    def close(self) -> None:
        pass

    def notify(self, key: str) -> None:
        self.notified.append(key)

    def call_later(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        planned = (seconds, action)
        self.later.append(planned)
        return lambda: self.later.remove(planned)


class StubProcess:
    """A flow process that says what it was told to say; `meanwhile` is called before the end."""

    def __init__(self, end: Mapping[str, Any], meanwhile: Callable[[], None] | None = None) -> None:
        self.end = end
        self.meanwhile = meanwhile
        self.started: list[Mapping[str, Any]] = []
        self.is_terminated = False

    def spawn(self) -> StubProcess:
        return self

    def send(self, frame: Mapping[str, Any]) -> None:
        self.started.append(frame)

    def receive(self) -> Mapping[str, Any] | None:
        if self.meanwhile is not None:
            self.meanwhile()
        return None if self.is_terminated else {"kind": "end", **self.end}

    def has_frame(self) -> bool:
        return False

    def terminate(self) -> None:
        self.is_terminated = True

    def kill(self) -> None:
        self.is_terminated = True

    def wait(self, timeout_seconds: float | None) -> str:
        del timeout_seconds
        return "ended"

    def close(self) -> None:
        pass
