"""What the core asks of the world. Adapters give it; `bootstrap` chooses them.

Every port translates its technology's errors into `tieline.errors`; nothing else leaves an
adapter. One contract suite per port (tests/contract/) runs over every adapter.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from pydantic import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record as a store holds it; by value, so changing it changes nothing stored.

    `body` is JSON text, opaque to the store. `version` is the stored version this value was read
    at, 0 for a row that must not exist yet. The other fields are the row's place in the indexes:

    * `name`: unique among the rows of its kind, or None.
    * `dirty_link`, `dirty_rank`: in the dirty set of that link; lower ranks are sent first.
    * `due_at`: in the due set from that time on (aware UTC).
    * `parent_id`: among the children of that row.
    * `group`: among the members of that group, any text.
    * `is_listed`: shown by `Store.list`.
    """

    kind: str
    id: str
    body: str
    version: int = 0
    name: str | None = None
    dirty_link: str | None = None
    dirty_rank: int = 0
    due_at: datetime | None = None
    parent_id: str | None = None
    group: str | None = None
    is_listed: bool = True


@dataclass(frozen=True, slots=True)
class Put:
    """Writes a row iff the stored version is `row.version`; stores it with version + 1."""

    row: Row


@dataclass(frozen=True, slots=True)
class Delete:
    """Removes a row iff the stored version is `version`."""

    kind: str
    id: str
    version: int


Change = Put | Delete


class Store(Protocol):
    """Rows with versions and six indexes.

    Errors everywhere: `StoreUnavailableError` when it cannot be read or written now.
    """

    def get(self, kind: str, row_id: str) -> Row | None:
        """Gives the row, or None when there is none."""

    def get_many(self, kind: str, row_ids: Sequence[str]) -> Mapping[str, Row]:
        """Gives the rows that exist, by id."""

    def get_by_name(self, kind: str, name: str) -> Row | None:
        """Gives the row of that kind with that name, or None."""

    def write(self, changes: Sequence[Change]) -> None:
        """Makes all changes or none; durable when it returns.

        Raises:
            ConflictError: names the first row whose stored version is another one, or
                (`name_taken`) whose name another row of its kind has. Nothing was changed.
        """

    def list(
        self, kind: str, *, after: str | None = None, limit: int = 100, newest_first: bool = False
    ) -> Sequence[Row]:
        """Gives listed rows of a kind in the order of their ids, beginning behind `after`."""

    def dirty(
        self, link_id: str, *, after: tuple[int, str] | None = None, limit: int = 100
    ) -> Sequence[Row]:
        """Gives rows in a link's dirty set ordered by (rank, id), beginning behind `after`."""

    def count_dirty(self, link_id: str) -> int:
        """Counts the rows in a link's dirty set."""

    def due(self, before: datetime, *, limit: int = 100) -> Sequence[Row]:
        """Gives rows whose `due_at` is not later than `before`, earliest first."""

    def children(self, kind: str, parent_id: str) -> Sequence[Row]:
        """Gives the rows of that kind with that parent, in the order of their ids."""

    def members(self, group: str, *, after: str | None = None, limit: int = 100) -> Sequence[Row]:
        """Gives the rows in a group in the order of their ids, beginning behind `after`."""

    def count_members(self, group: str) -> int:
        """Counts the rows in a group."""

    def close(self) -> None:
        """Gives back files and connections; calling it again is harmless."""


class Keys(Protocol):
    """Private keys, by owner: `workspace`, or a sync config's id for a link's own key."""

    def load(self, owner: str) -> RSAPrivateKey:
        """Gives the owner's key, from a cache when it has not changed.

        Raises:
            KeyMissingError: there is none, or others may read it; names where it should be.
        """

    def save(self, owner: str, pem: bytes) -> None:
        """Stores a key that was already validated (`protocol.keys.parse_private_key`)."""

    def delete(self, owner: str) -> None:
        """Removes the owner's key; removing none is harmless."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a post goes and how far it is trusted.

    `ca_certificate` is PEM or empty (the system's authorities); `pinned_certificate_sha256` is
    hex or empty.
    """

    url: str
    ca_certificate: str = ""
    verify_ssl_certificates: bool = True
    pinned_certificate_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back for a post. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Carries one post to a peer and brings the answer."""

    def post(
        self,
        target: Target,
        headers: Mapping[str, str],
        body: bytes,
        *,
        timeout_seconds: float,
        max_answer_bytes: int,
    ) -> Answer:
        """Sends one request; no redirect is followed.

        Raises:
            PeerUnavailableError: `reason` is one of `name`, `connection`, `tls`, `timeout`,
                `too-large`, `broken`; the detail says it in words an operator understands.
        """

    def close(self) -> None:
        """Closes what is open; posts under way may fail."""


class Runner(Protocol):
    """Runs flows. Starting or cancelling twice is harmless; neither waits for the flow."""

    def start(self, execution_id: str) -> None:
        """Takes care that the execution is run soon."""

    def cancel(self, execution_id: str) -> None:
        """Asks the flow process of the execution to end, and sees to it that it does."""


class Hints(Protocol):
    """Tells the host that something changed. A hint may be lost; the store is the truth."""

    def link_changed(self, link_id: str, *, is_urgent: bool = True) -> None:
        """Says that the link has something to send.

        What is not urgent may linger a few milliseconds, so that it travels with what follows.
        """

    def config_changed(self, link_id: str) -> None:
        """Says that a sync config was created, changed or deleted."""

    def execution_changed(self, execution_id: str) -> None:
        """Says that an execution has another status, log or wish."""


class Clock(Protocol):
    """Time, and the only source of randomness."""

    def now(self) -> datetime:
        """Gives the time, aware UTC."""

    def monotonic(self) -> float:
        """Gives seconds from an arbitrary start that never go back."""

    def random_bytes(self, count: int) -> bytes:
        """Gives `count` unpredictable bytes."""


class FlowProcess(Protocol):
    """One flow process, seen from its runner."""

    def send(self, frame: Mapping[str, JsonValue]) -> None:
        """Sends one frame.

        Raises:
            RunnerError: the process is gone.
        """

    def receive(self) -> Mapping[str, JsonValue] | None:
        """Gives the next frame, None when the process closed its end.

        Raises:
            RunnerError: what came is no frame, or too large.
        """

    def has_frame(self) -> bool:
        """Tells whether `receive` would give something at once."""

    def terminate(self) -> None:
        """Asks the process to end, so that its `finally` blocks run."""

    def kill(self) -> None:
        """Ends the process and all it started."""

    def wait(self, timeout_seconds: float | None) -> object | None:
        """Waits until the process is gone; gives what says how as text, None at the timeout."""

    def close(self) -> None:
        """Ends the process if it still runs, and gives the pipe back."""


class Processes(Protocol):
    """Makes flow processes."""

    def spawn(self) -> FlowProcess:
        """Gives a new process that waits for its start frame.

        Raises:
            RunnerError: no process could be made.
        """


class Watch(Protocol):
    """Somebody's interest in changes, from `Changes.watch` until it is closed."""

    def wait(self, timeout_seconds: float | None) -> Collection[str]:
        """Gives the keys that changed since the last call (or the start), none at the timeout."""

    def take(self) -> Collection[str]:
        """Gives what `wait` would give, without waiting."""

    def close(self) -> None:
        """Ends the interest."""


class Changes(Protocol):
    """Wakes those who wait for something to change, and calls them at a time."""

    def watch(self, keys: Sequence[str]) -> Watch:
        """Starts watching: execution ids, or `setting/<name>` for locks."""

    def notify(self, key: str) -> None:
        """Wakes whoever watches that key."""

    def call_later(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        """Calls `action` once after that time; gives a function that calls it off."""
