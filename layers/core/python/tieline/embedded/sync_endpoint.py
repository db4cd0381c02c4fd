"""The endpoint that peers post to, as an ASGI application; it may hold its replies.

A reply is held for as long as the dialler allows while there is nothing to send. Acks wait a
moment too, since what they answer is usually followed by something to send. A newer post of the
same link releases the older held one; a dialler that hung up gets nothing, so nothing counts as
sent to it.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tieline.embedded.link_sessions import LinkSessions
from tieline.errors import TooLargeError
from tieline.operations.collect_changes import Outgoing
from tieline.operations.link_session import LinkSession
from tieline.operations.receive_post import (
    Accepted,
    Answered,
    Posted,
    accept_post,
    collect_reply,
    reply_to,
    unverified,
)
from tieline.operations.workspace import Workspace
from tieline.protocol.dialling import linger_seconds

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
T = TypeVar("T")

HARD_CAP_BYTES = 4 * 1024 * 1024
"""No sync config can allow more (docs/protocol.md §4)."""
ACK_HOLD_SECONDS = 0.2
"""How long acks wait for company; the dialler keeps its records marked that long."""


@dataclass(slots=True)
class _Desk:
    """What the endpoint keeps for one link."""

    session: LinkSession
    order: asyncio.Lock = field(default_factory=asyncio.Lock)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    poll: int = 0
    last_sent: int = 0
    is_lingering: bool = False


class SyncEndpoint:
    """Receives posts on the event loop; works in threads."""

    def __init__(
        self,
        workspace: Workspace,
        threads: ThreadPoolExecutor,
        sessions: LinkSessions,
        find_id: Callable[[str], str | None],
        met: Callable[[str], None],
    ) -> None:
        """Takes how a known config's id is found by its name, and what hears of exchanges."""
        self._workspace = workspace
        self._threads = threads
        self._sessions = sessions
        self._find_id = find_id
        self._met = met
        self._desks: dict[str, _Desk] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_stopping = False

    def news(self, link_id: str, *, is_urgent: bool) -> None:
        """Says from any thread that a link has something to send."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._ring, link_id, is_urgent)

    def news_everywhere(self) -> None:
        """Says that any link may have something to send, those that only answer as well."""
        for link_id in list(self._desks):
            self.news(link_id, is_urgent=True)

    def stop(self) -> None:
        """Releases every held reply; called on the event loop."""
        self._is_stopping = True
        for desk in self._desks.values():
            desk.news.set()

    async def answer(self, scope: Message, receive: Receive, send: Send, name: str) -> None:
        """Answers one post."""
        self._loop = asyncio.get_running_loop()
        try:
            body = await read_body(scope, receive, HARD_CAP_BYTES)
        except TooLargeError as error:
            await send_unverified(send, error)
            return
        headers = [
            (key.decode("latin-1"), value.decode("latin-1")) for key, value in scope["headers"]
        ]
        posted = Posted(config_name=name, headers=headers, body=body)
        link_id = self._find_id(name)
        # Only known names get a desk: a stranger cannot make this grow.
        desk = _Desk(LinkSession()) if link_id is None else self._desk(link_id)
        async with desk.order:
            accepted = await self._in_thread(
                lambda: accept_post(self._workspace, posted, desk.session)
            )
        if isinstance(accepted, Accepted):
            self._met(accepted.config.id)
            answered = await self._hold(desk, accepted, receive)
        else:
            answered = accepted
        if answered is not None:
            await _send(send, answered)

    def _desk(self, link_id: str) -> _Desk:
        found = self._desks.get(link_id)
        if found is None:
            found = self._desks[link_id] = _Desk(self._sessions.of(link_id))
        return found

    async def _hold(self, desk: _Desk, accepted: Accepted, receive: Receive) -> Answered | None:
        """Gives the reply when it is worth sending, None when the dialler hung up."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience(accepted)
        is_poll = bool(accepted.request.wait_ms)
        if is_poll:
            desk.poll += 1
            desk.news.set()
        turn = desk.poll
        hung_up = asyncio.ensure_future(_hung_up(receive))
        try:
            while True:
                desk.news.clear()
                left = deadline - loop.time()
                is_superseded = is_poll and desk.poll != turn
                must = left <= 0 or self._is_stopping or is_superseded
                answered = await self._in_thread(
                    functools.partial(self._reply, desk, accepted, must=must, may=not is_superseded)
                )
                if answered is not None:
                    return answered
                pause = min(deadline - loop.time(), self._held_back_seconds(accepted))
                if not await _news_or_end(desk.news, hung_up, pause):
                    return None
        finally:
            hung_up.cancel()

    def _patience(self, accepted: Accepted) -> float:
        wait = accepted.request.wait_ms / 1000
        if accepted.results:
            return 0.0
        return min(wait, ACK_HOLD_SECONDS) if accepted.acks else wait

    def _held_back_seconds(self, accepted: Accepted) -> float:
        """Gives how long until a record may be sent that may not be now; nobody rings then."""
        now = self._workspace.clock.monotonic()
        return accepted.session.sends_again_at(now) - now

    def _reply(self, desk: _Desk, accepted: Accepted, *, must: bool, may: bool) -> Answered | None:
        """Gives the reply when it has to go or has records; those only if it `may` carry them."""
        outgoing = collect_reply(self._workspace, accepted) if may else Outgoing()
        if outgoing.records or must:
            desk.last_sent = len(outgoing.records)
            return reply_to(self._workspace, accepted, outgoing)
        return None

    def _ring(self, link_id: str, is_urgent: bool) -> None:
        desk = self._desks.get(link_id)
        if desk is None:
            return
        linger = linger_seconds(is_urgent=is_urgent, last_sent=desk.last_sent)
        if not linger:
            desk.news.set()
        elif not desk.is_lingering:
            assert self._loop is not None
            desk.is_lingering = True
            self._loop.call_later(linger, self._linger_over, desk)

    def _linger_over(self, desk: _Desk) -> None:
        desk.is_lingering = False
        desk.news.set()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


async def _news_or_end(news: asyncio.Event, hung_up: asyncio.Future[None], left: float) -> bool:
    """Waits for news or the deadline; False when the dialler hung up first."""
    waiter = asyncio.ensure_future(news.wait())
    both: list[asyncio.Future[Any]] = [waiter, hung_up]
    try:
        await asyncio.wait(both, timeout=max(0.0, left), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiter.cancel()
    return not hung_up.done()


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def read_body(scope: Message, receive: Receive, cap_bytes: int) -> bytes:
    """Gives a request's body.

    Raises:
        TooLargeError: it is over the cap; the rest was not read.
    """
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if not declared.isdigit() or int(declared) > cap_bytes:
        raise TooLargeError(f"more than {cap_bytes} bytes")
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        piece = message.get("body", b"")
        size += len(piece)
        if size > cap_bytes:
            raise TooLargeError(f"more than {cap_bytes} bytes")
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)


async def send_unverified(send: Send, error: TooLargeError) -> None:
    """Answers 413 and lets the connection be closed, so the rest need not be read."""
    await _send(send, unverified(error))


async def _send(send: Send, answered: Answered) -> None:
    headers = [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in answered.headers.items()
    ]
    headers.append((b"content-length", str(len(answered.body)).encode()))
    await send({"type": "http.response.start", "status": answered.status, "headers": headers})
    await send({"type": "http.response.body", "body": answered.body})
