"""A transport without a network, for tests and simulation: it loses and bends what it carries.

A `LoopbackNetwork` connects workspaces in one process. What happens to each post is decided by
`faults`, a function of the network's own post count, so a run can be repeated exactly. A delayed
post reaches its receiver later, by `deliver_late`, long after its sender gave up: that is how
late, repeated and reordered posts arrive in the world.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from tieline.errors import PeerUnavailableError
from tieline.ports import Answer, Target

Handler = Callable[[str, Mapping[str, str], bytes], Answer]
"""Takes the path, the headers and the body of a request, like a server."""


class Fault(StrEnum):
    """What may happen to one post."""

    NONE = "none"
    DROP_REQUEST = "drop_request"
    DROP_REPLY = "drop_reply"
    REPEAT_REQUEST = "repeat_request"
    DELAY_REQUEST = "delay_request"
    TAMPER_REQUEST = "tamper_request"
    TAMPER_REPLY = "tamper_reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """One post as it went over the network."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    answer: Answer | None


def no_faults(count: int) -> Fault:
    """Lets every post through."""
    del count
    return Fault.NONE


@dataclass(slots=True)
class LoopbackNetwork:
    """Hosts by name, and what happens to the posts between them.

    `carried` keeps every post that reached its receiver, oldest first.
    """

    faults: Callable[[int], Fault] = no_faults
    hosts: dict[str, Handler] = field(default_factory=dict)
    carried: list[Carried] = field(default_factory=list)
    late: list[tuple[str, str, Mapping[str, str], bytes]] = field(default_factory=list)
    count: int = 0

    def attach(self, host: str, handler: Handler) -> None:
        """Makes a host reachable as `https://<host>`."""
        self.hosts[host] = handler

    def detach(self, host: str) -> None:
        """Makes a host unreachable; posts to it fail as a refused connection."""
        self.hosts.pop(host, None)

    def carry(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Brings one post to its host and the answer back, unless a fault hits it.

        Raises:
            PeerUnavailableError: reason `connection` or `timeout`, as a real transport says it.
        """
        parts = urlsplit(url)
        self.count += 1
        fault = self.faults(self.count)
        if fault == Fault.DROP_REQUEST:
            raise PeerUnavailableError("timeout", "the request was lost")
        if fault == Fault.DELAY_REQUEST:
            self.late.append((parts.netloc, parts.path, headers, body))
            raise PeerUnavailableError("timeout", "the request was late")
        if fault == Fault.TAMPER_REQUEST:
            body = _flip(body, self.count)
        answer = self._deliver(parts.netloc, parts.path, headers, body)
        if fault == Fault.REPEAT_REQUEST:
            self._deliver(parts.netloc, parts.path, headers, body)
        if fault == Fault.DROP_REPLY:
            raise PeerUnavailableError("timeout", "the reply was lost")
        if fault == Fault.TAMPER_REPLY:
            answer = Answer(
                status=answer.status, headers=answer.headers, body=_flip(answer.body, self.count)
            )
        return answer

    def deliver_late(self, *, newest_first: bool = False) -> int:
        """Delivers every delayed request, its answer going nowhere; gives how many."""
        waiting, self.late = self.late, []
        for host, path, headers, body in reversed(waiting) if newest_first else waiting:
            if host in self.hosts:
                self._deliver(host, path, headers, body)
        return len(waiting)

    def _deliver(self, host: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        handler = self.hosts.get(host)
        if handler is None:
            raise PeerUnavailableError("connection", f"connection to {host} refused")
        answer = handler(path, headers, body)
        self.carried.append(Carried(path=path, headers=headers, body=body, answer=answer))
        return answer


def _flip(body: bytes, count: int) -> bytes:
    """Gives the body with one bit flipped, another one for every count."""
    if not body:
        return b"\x01"
    place = (count * 7919) % (len(body) * 8)
    changed = bytearray(body)
    changed[place // 8] ^= 1 << (place % 8)
    return bytes(changed)


@dataclass(frozen=True, slots=True)
class LoopbackTransport:
    """The transport of one workspace on a loopback network."""

    network: LoopbackNetwork

    def post(
        self,
        target: Target,
        headers: Mapping[str, str],
        body: bytes,
        *,
        timeout_seconds: float,
        max_answer_bytes: int,
    ) -> Answer:
        """Carries one post; see `LoopbackNetwork.carry`."""
        del timeout_seconds
        answer = self.network.carry(target.url, headers, body)
        if len(answer.body) > max_answer_bytes:
            raise PeerUnavailableError("too-large", "the answer is over the cap")
        return answer

    def close(self) -> None:
        """Does nothing: there is nothing open."""
