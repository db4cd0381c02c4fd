"""Answers a peer's post: verify, apply, reply signed.

Two steps, so that a host may hold the reply until something is worth sending: `accept_post`
verifies and makes durable, `reply_to` collects and signs. `receive_post` does both at once.

Source: docs/protocol.md §2 (order of checks), §3, §4.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tieline import __version__
from tieline.errors import (
    ConflictError,
    DisabledError,
    MalformedError,
    RemoteError,
    SignatureError,
    StaleError,
    TooLargeError,
    TransientError,
    UnknownLinkError,
)
from tieline.operations.absorb_post import absorb_post
from tieline.operations.collect_changes import Outgoing, collect_changes
from tieline.operations.link_keys import accept_set, signer_of
from tieline.operations.link_session import LinkSession
from tieline.operations.records import config_of, link_row, load_config, load_link_state
from tieline.operations.workspace import WRITE_ATTEMPTS, Workspace, write_executions
from tieline.ports import Put
from tieline.protocol.link import LinkState, SyncConfig
from tieline.protocol.messages import (
    Ack,
    Envelope,
    Refusal,
    Reply,
    Request,
    Result,
    SizeLimits,
    decode_request,
    encode,
)
from tieline.protocol.pacing import next_number
from tieline.protocol.signing import (
    Signed,
    check_window,
    make_nonce,
    sign_reply,
    verify_request,
)

logger = logging.getLogger(__name__)

DEFAULT_CONFIG = SyncConfig(id="", name="")
UNAUTHORIZED_BODY = b'{"code":"unauthorized"}'
"""The one body for whatever failed before a signature was verified."""
TOO_LARGE_BODY = b'{"code":"too-large"}'
POLL_AFTER_MS = 1_000
"""Offered to a dialler whose reply was not held and whom no bell rings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What arrived: the config's name from the path, header pairs, the raw body."""

    config_name: str
    headers: Sequence[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What goes back."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A verified and durably applied post that is not answered yet."""

    config: SyncConfig
    signed: Signed
    request: Request
    state: LinkState
    acks: Sequence[Ack]
    results: Sequence[Result]
    session: LinkSession


def receive_post(
    workspace: Workspace, posted: Posted, session: LinkSession | None = None
) -> Answered:
    """Gives the answer to a post; every error is an answer too."""
    outcome = accept_post(workspace, posted, session or LinkSession())
    if isinstance(outcome, Answered):
        return outcome
    return reply_to(workspace, outcome, collect_reply(workspace, outcome), POLL_AFTER_MS)


def accept_post(workspace: Workspace, posted: Posted, session: LinkSession) -> Accepted | Answered:
    """Verifies a post and applies it durably; gives the refusal when it is not accepted."""
    try:
        config, signed = _verify(workspace, posted)
    except (SignatureError, TooLargeError) as error:
        logger.warning(
            "post refused",
            extra={"action": "post_refused", "link": posted.config_name, "detail": str(error)},
        )
        return unverified(error)
    try:
        return _accept(workspace, config, signed, posted.body, session)
    except (RemoteError, TransientError) as error:
        logger.warning(
            "post refused",
            extra={"action": "post_refused", "link": config.name, "detail": str(error)},
        )
        return _refuse(workspace, config, signed, error)


def unverified(error: RemoteError) -> Answered:
    """Gives the unsigned answer to a post whose signature was not, or not yet, verified."""
    is_size = isinstance(error, TooLargeError)
    return Answered(
        status=TooLargeError.status if is_size else SignatureError.status,
        headers={"content-type": "application/json"} | ({"connection": "close"} if is_size else {}),
        body=TOO_LARGE_BODY if is_size else UNAUTHORIZED_BODY,
    )


def _verify(workspace: Workspace, posted: Posted) -> tuple[SyncConfig, Signed]:
    try:
        config = load_config(workspace.store, posted.config_name)
    except UnknownLinkError as error:
        # The same as for a config with the default cap, so that names cannot be probed by size.
        _check_size(posted.body, DEFAULT_CONFIG.max_post_bytes)
        raise SignatureError("no such sync config") from error
    _check_size(posted.body, config.max_post_bytes)
    own = [config.own_thumbprint] if config.own_thumbprint else []
    signed = verify_request(posted.headers, posted.body, accept=accept_set(config), own=own)
    return config, signed


def _check_size(body: bytes, cap_bytes: int) -> None:
    if len(body) > cap_bytes:
        raise TooLargeError(f"the post has more than {cap_bytes} bytes")


def _accept(
    workspace: Workspace, config: SyncConfig, signed: Signed, body: bytes, session: LinkSession
) -> Accepted:
    now = workspace.clock.now()
    check_window(signed, int(now.timestamp()))
    if not config.is_enabled:
        raise DisabledError(f"sync config {config.name!r} is disabled")
    request = decode_request(body)
    _check_identity(request, config, signed)
    for _ in range(WRITE_ATTEMPTS):
        state, version = load_link_state(workspace.store, config.id)
        state = _advance(state, request, now)
        absorbed = absorb_post(
            workspace, config, _current(workspace, state, request), session, peer_opened=True
        )
        absorbed.rows.append(Put(link_row(state, version)))
        try:
            write_executions(workspace, absorbed.executions, absorbed.rows)
        except ConflictError:
            continue
        session.met(request.instance, request.limits)
        return Accepted(
            config=config,
            signed=signed,
            request=request,
            state=state,
            acks=absorbed.acks,
            results=absorbed.results,
            session=session,
        )
    raise ConflictError("link", config.id)


def _check_identity(request: Request, config: SyncConfig, signed: Signed) -> None:
    """The signed body must name the same link and keys as the path and the headers."""
    if request.link != config.name:
        raise MalformedError("link: the post names another sync config than its path")
    if request.from_ != signed.key_id or request.to != signed.tieline_to:
        raise MalformedError("from, to: the body names other keys than the signature")


def _advance(state: LinkState, request: Request, now: datetime) -> LinkState:
    """Gives the link's state after accepting this post.

    Raises:
        StaleError: a replay, or overtaken by a newer post; or from an older incarnation.
    """
    if request.n <= state.n_in:
        raise StaleError("n: this post, or a newer one, was received before")
    if state.peer_epoch is not None and request.epoch < state.peer_epoch:
        raise StaleError("epoch: a newer incarnation of this workspace was seen before")
    return replace(
        state,
        n_in=request.n,
        s_in=max(state.s_in, request.s),
        s_out=next_number(state.s_out, int(now.timestamp() * 1000)),
        peer_epoch=request.epoch,
        peer_instance=request.instance,
        peer_version=request.version,
        last_contact_in=now,
    )


def _current(workspace: Workspace, state: LinkState, post: Request) -> Envelope:
    """Gives the post without what was meant for another incarnation of this workspace (§5)."""
    if post.peer_epoch == workspace.epoch and post.epoch == state.peer_epoch:
        return post
    return post.model_copy(update={"ack": (), "results": (), "records": ()})


def collect_reply(workspace: Workspace, accepted: Accepted) -> Outgoing:
    """Gives the records that a reply would carry now.

    An answering side with a sync interval sends its changes once per interval.
    """
    if not _is_still_enabled(workspace, accepted.config.id):
        return Outgoing()
    session, interval = accepted.session, accepted.config.sync_interval
    now = workspace.clock.monotonic()
    if interval is not None and now < session.next_send_at:
        return Outgoing()
    peer_epoch = accepted.state.peer_epoch
    outgoing = collect_changes(workspace, accepted.config, peer_epoch, session, is_reply=True)
    if interval is not None and outgoing.records and not outgoing.more:
        session.next_send_at = now + interval
    return outgoing


def _is_still_enabled(workspace: Workspace, link_id: str) -> bool:
    """A reply may have been held since before the link was switched off or deleted."""
    try:
        return config_of(workspace.store, link_id).is_enabled
    except UnknownLinkError:
        return False


def reply_to(
    workspace: Workspace,
    accepted: Accepted,
    outgoing: Outgoing,
    poll_after_ms: int | None = None,
) -> Answered:
    """Gives the signed reply with acks, results and the records collected."""
    config, request, now = accepted.config, accepted.request, workspace.clock.now()
    reply = Reply(
        v=1,
        link=request.link,
        from_=accepted.signed.tieline_to,
        to=accepted.signed.key_id,
        epoch=workspace.epoch,
        peer_epoch=accepted.state.peer_epoch,
        s=accepted.state.s_out,
        seen=accepted.state.s_in,
        instance=workspace.instance,
        version=__version__,
        ack=tuple(accepted.acks),
        results=tuple(accepted.results),
        records=tuple(outgoing.records),
        more=outgoing.more,
        limits=SizeLimits(bytes=config.max_post_bytes),
        re=request.n,
        now=int(now.timestamp() * 1000),
        poll_after_ms=poll_after_ms,
    )
    return _signed(workspace, config, accepted.signed, 200, encode(reply))


def _refuse(
    workspace: Workspace, config: SyncConfig, signed: Signed, error: RemoteError | TransientError
) -> Answered:
    now = int(workspace.clock.now().timestamp() * 1000)
    if isinstance(error, RemoteError):
        refusal = Refusal(code=error.code, message=str(error), now=now)
        return _signed(workspace, config, signed, error.status, encode(refusal))
    refusal = Refusal(code="unavailable", message="cannot be stored now, send it again", now=now)
    answer = _signed(workspace, config, signed, 503, encode(refusal))
    return replace(answer, headers={**answer.headers, "retry-after": "1"})


def _signed(
    workspace: Workspace, config: SyncConfig, signed: Signed, status: int, body: bytes
) -> Answered:
    signer = signer_of(workspace, config)
    headers = sign_reply(
        status,
        body,
        request=signed,
        key=signer.key,
        key_id=signer.thumbprint,
        to=signed.key_id,
        created=int(workspace.clock.now().timestamp()),
        nonce=make_nonce(workspace.clock.random_bytes(16)),
    )
    return Answered(status=status, headers=headers, body=body)
