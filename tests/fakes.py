"""Ports that remember what was asked of them, and a workspace made of them.

They decide nothing: the store and the keys are the shipped adapters for memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from tieline.adapters.memory_keys import MemoryKeys
from tieline.adapters.memory_store import MemoryStore
from tieline.errors import PeerUnavailableError
from tieline.operations.records import WORKSPACE, Identity, write_body
from tieline.operations.workspace import Workspace
from tieline.ports import Answer, Keys, Put, Row, Store, Target
from tieline.protocol.keys import (
    generate_private_key,
    load_private_key,
    public_pem,
    thumbprint,
)

START = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


class RecordingRunner:
    """The `Runner` port: notes the ids it was given."""

    def __init__(self) -> None:
        self.starts: list[str] = []
        self.cancels: list[str] = []

    def start(self, execution_id: str) -> None:
        self.starts.append(execution_id)

    def cancel(self, execution_id: str) -> None:
        self.cancels.append(execution_id)


class RecordingHints:
    """The `Hints` port: notes what changed."""

    def __init__(self) -> None:
        self.links: list[str] = []
        self.executions: list[str] = []

    def link_changed(self, link_id: str, *, is_urgent: bool = True) -> None:
        del is_urgent
        self.links.append(link_id)

    def config_changed(self, link_id: str) -> None:
        self.links.append(link_id)

    def execution_changed(self, execution_id: str) -> None:
        self.executions.append(execution_id)


class ManualClock:
    """The `Clock` port: time moves when told; the random bytes follow from the seed."""

    def __init__(self, now: datetime = START, seed: str = "clock") -> None:
        self._now = now
        self._monotonic = 1000.0
        self._seed = seed
        self._draws = 0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds

    def shift(self, seconds: float) -> None:
        """Sets the wall clock only, as an operator or NTP would."""
        self._now += timedelta(seconds=seconds)

    def random_bytes(self, count: int) -> bytes:
        self._draws += 1
        return hashlib.shake_256(f"{self._seed}/{self._draws}".encode()).digest(count)


class RefusingTransport:
    """The `Transport` port of a machine without a network; notes the targets."""

    def __init__(self) -> None:
        self.targets: list[Target] = []

    def post(
        self,
        target: Target,
        headers: Mapping[str, str],
        body: bytes,
        *,
        timeout_seconds: float,
        max_answer_bytes: int,
    ) -> Answer:
        self.targets.append(target)
        raise PeerUnavailableError("connection", "there is no network in this test")

    def close(self) -> None:
        pass


@cache
def private_pem(owner: str = "workspace", bits: int = 2048) -> bytes:
    """Gives one key per owner and test run; small, because making keys is slow."""
    return generate_private_key(bits)


def public_text(owner: str) -> str:
    """Gives the public PEM that belongs to `private_pem(owner)`."""
    return public_pem(load_private_key(private_pem(owner)).public_key())


def add_identity(store: Store, keys: Keys, name: str = "here", epoch: int = 1) -> Identity:
    """Writes the row `workspace/self` and the workspace's key."""
    public = load_private_key(private_pem(name)).public_key()
    identity = Identity(
        name=name,
        epoch=epoch,
        thumbprint=thumbprint(public),
        public_key=public_pem(public),
        created_at=START,
    )
    keys.save("workspace", private_pem(name))
    store.write([Put(Row(kind=WORKSPACE, id="self", body=write_body(identity), is_listed=False))])
    return identity


def make_workspace(**overrides: Any) -> Workspace:
    """Gives a workspace of fakes with an identity; `overrides` are fields of `Workspace`."""
    fields: dict[str, Any] = {
        "name": "here",
        "epoch": 1,
        "instance": "instance-1",
        "store": MemoryStore(),
        "keys": MemoryKeys(),
        "transport": RefusingTransport(),
        "runner": RecordingRunner(),
        "hints": RecordingHints(),
        "clock": ManualClock(seed=overrides.get("name", "here")),
        **overrides,
    }
    workspace = Workspace(**fields)
    if workspace.store.get(WORKSPACE, "self") is None:
        add_identity(workspace.store, workspace.keys, workspace.name, workspace.epoch)
    return workspace
