"""Posts a link's changes to its peer and applies what the reply brings.

Source: docs/protocol.md §2, §3, §4.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from tieline import __version__
from tieline.errors import (
    ConflictError,
    DisabledError,
    ForbiddenError,
    MalformedError,
    PeerRefusedError,
    PeerUnavailableError,
    SignatureError,
    ThrottledError,
    TielineError,
    TransientError,
)
from tieline.operations.absorb_post import absorb_post
from tieline.operations.collect_changes import Outgoing, collect_changes
from tieline.operations.link_keys import Signer, accept_set, signer_of
from tieline.operations.link_session import LinkSession
from tieline.operations.records import SYNC_CONFIG, config_of, link_row, load_link_state
from tieline.operations.workspace import WRITE_ATTEMPTS, Workspace, write_executions
from tieline.ports import Answer, Put, Target
from tieline.protocol.link import LinkState, SyncConfig
from tieline.protocol.messages import (
    Reply,
    Request,
    SizeLimits,
    decode_refusal,
    decode_reply,
    encode,
)
from tieline.protocol.pacing import next_number
from tieline.protocol.signing import Signed, make_nonce, sign_request, verify_reply

logger = logging.getLogger(__name__)

POST_TIMEOUT_SECONDS = 30.0
MAX_DETAIL = 500
"""Characters of a failure's reason that are kept and logged."""
MAX_CLOCK_OFFSET_SECONDS = 86_400.0
ATTEMPTS = 3
RETRIED_REFUSALS = frozenset({"stale", "clock"})
"""Sent again at once: with a higher number when the link's other post overtook this one, or
with the peer's time when its clock differs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """What one exchange led to. `poll_after_ms` None: the peer held the reply as asked."""

    sent: int
    received: int
    more: bool
    poll_after_ms: int | None


def send_changes(
    workspace: Workspace, link_id: str, session: LinkSession, *, wait_ms: int = 0
) -> Exchanged:
    """Makes one exchange with the peer of a dialling link.

    Raises:
        ForbiddenError: the link is disabled or has no Remote URL; nothing was sent.
        PeerRefusedError: the peer refused the post and signed it; `code` says why.
        PeerUnavailableError: no answer, or none that can be trusted; state is unchanged.
        ThrottledError: the peer asked for a pause.
    """
    config = config_of(workspace.store, link_id)
    if not config.dials:
        raise ForbiddenError(f"sync config {config.name!r} is disabled or has no remote URL")
    for attempt in range(ATTEMPTS):
        try:
            exchanged = _exchange(workspace, config, session, wait_ms)
        except PeerRefusedError as error:
            session.in_flight.forget_all()
            if error.code in RETRIED_REFUSALS and attempt < ATTEMPTS - 1:
                continue
            note_failure(workspace, config, error)
            raise
        except TielineError as error:
            session.in_flight.forget_all()
            note_failure(workspace, config, error)
            raise
        return exchanged
    raise AssertionError("the loop returns or raises")


def _exchange(
    workspace: Workspace, config: SyncConfig, session: LinkSession, wait_ms: int
) -> Exchanged:
    state, _ = load_link_state(workspace.store, config.id)
    signer = signer_of(workspace, config)
    outgoing = collect_changes(workspace, config, state.peer_epoch, session, is_reply=False)
    with session.gate:
        request = _request(workspace, config, state, session, outgoing, signer, wait_ms)
        body = encode(request)
        headers, signed = sign_request(
            body,
            key=signer.key,
            key_id=signer.thumbprint,
            to=config.peer_thumbprint,
            created=int(workspace.clock.now().timestamp() + state.clock_offset_seconds),
            nonce=make_nonce(workspace.clock.random_bytes(16)),
        )
    begun = workspace.clock.monotonic()
    answer = workspace.transport.post(
        target_of(config),
        headers,
        body,
        timeout_seconds=POST_TIMEOUT_SECONDS + wait_ms / 1000,
        max_answer_bytes=2 * config.max_post_bytes,
    )
    took = workspace.clock.monotonic() - begun
    reply = _verified_reply(workspace, config, signed, answer, session)
    if reply.re != request.n or reply.link != request.link:
        raise PeerUnavailableError("broken", "the reply answers another post")
    if not config_of(workspace.store, config.id).dials:
        raise DisabledError(f"sync config {config.name!r} was disabled during the exchange")
    round_trip = took if not wait_ms or outgoing.records else None
    _apply(workspace, config, request, reply, session, round_trip)
    return Exchanged(
        sent=len(outgoing.records),
        received=len(reply.records),
        more=reply.more or outgoing.more,
        poll_after_ms=reply.poll_after_ms,
    )


def target_of(config: SyncConfig) -> Target:
    """Gives where this link's posts go and how far that is trusted."""
    return Target(
        url=config.remote_url,
        ca_certificate=config.ca_certificate,
        verify_ssl_certificates=config.verify_ssl_certificates,
        pinned_certificate_sha256=config.pinned_certificate_sha256,
    )


def remote_name(config: SyncConfig) -> str:
    """Gives the sync config's name at the peer, from the Remote URL's path."""
    return config.remote_url.rstrip("/").split("/")[-2]


def _request(
    workspace: Workspace,
    config: SyncConfig,
    state: LinkState,
    session: LinkSession,
    outgoing: Outgoing,
    signer: Signer,
    wait_ms: int,
) -> Request:
    unix_ms = int((workspace.clock.now().timestamp() + state.clock_offset_seconds) * 1000)
    number = session.number_post(next_number(max(state.n_out, session.last_number), unix_ms))
    acks, results = session.take_owed()
    return Request(
        v=1,
        link=remote_name(config),
        from_=signer.thumbprint,
        to=config.peer_thumbprint,
        epoch=workspace.epoch,
        peer_epoch=state.peer_epoch,
        s=number,
        seen=state.s_in,
        instance=workspace.instance,
        version=__version__,
        ack=tuple(acks),
        results=tuple(results),
        records=tuple(outgoing.records),
        more=outgoing.more,
        limits=SizeLimits(bytes=config.max_post_bytes),
        n=number,
        wait_ms=wait_ms,
    )


def _verified_reply(
    workspace: Workspace,
    config: SyncConfig,
    signed: Signed,
    answer: Answer,
    session: LinkSession,
) -> Reply:
    try:
        verify_reply(
            answer.status,
            answer.headers,
            answer.body,
            request=signed,
            accept=accept_set(config),
            own=[config.own_thumbprint],
        )
    except SignatureError as error:
        raise _unsigned(answer, session) from error
    if answer.status != 200:
        raise _refusal(workspace, config, answer)
    try:
        return decode_reply(answer.body)
    except MalformedError as error:
        raise PeerUnavailableError("broken", f"the reply cannot be read: {error}") from error


def _unsigned(answer: Answer, session: LinkSession) -> TransientError:
    """An unsigned answer changes no state (§2 rule 6); its status only says what to look at."""
    if answer.status == 413:
        session.shrink_posts()
        return PeerUnavailableError("too-large", "the post was larger than the peer allows")
    if answer.status in (429, 503):
        pause = _retry_after(answer)
        return ThrottledError(pause, f"the peer asked for a pause ({answer.status})")
    if answer.status == 401:
        return PeerUnavailableError(
            "unauthorized",
            "the peer did not accept the signature: compare the sync config's name in the "
            "Remote URL and the key fingerprints on both sides",
        )
    return PeerUnavailableError("broken", f"answered {answer.status} without a valid signature")


def _retry_after(answer: Answer) -> float:
    try:
        return float(answer.headers.get("retry-after", "1"))
    except ValueError:
        return 1.0


def _refusal(
    workspace: Workspace, config: SyncConfig, answer: Answer
) -> PeerRefusedError | ThrottledError | PeerUnavailableError:
    try:
        refusal = decode_refusal(answer.body)
    except MalformedError:
        return PeerUnavailableError("broken", f"answered {answer.status} unreadably")
    if answer.status in (429, 503):
        return ThrottledError(_retry_after(answer), f"the peer: {refusal.message}")
    if refusal.code == "clock":
        _adopt_clock(workspace, config, refusal.now)
    return PeerRefusedError(answer.status, refusal.code, refusal.message)


def _adopt_clock(workspace: Workspace, config: SyncConfig, peer_ms: int) -> None:
    """Keeps how far the peer's clock is from ours, for signing only (§2 rule 7)."""
    offset = peer_ms / 1000 - workspace.clock.now().timestamp()
    if abs(offset) > MAX_CLOCK_OFFSET_SECONDS:
        return
    for _ in range(WRITE_ATTEMPTS):
        state, version = load_link_state(workspace.store, config.id)
        try:
            changed = replace(state, clock_offset_seconds=offset)
            workspace.store.write([Put(link_row(changed, version))])
        except ConflictError:
            continue
        return


def _apply(
    workspace: Workspace,
    config: SyncConfig,
    request: Request,
    reply: Reply,
    session: LinkSession,
    round_trip: float | None,
) -> None:
    for _ in range(WRITE_ATTEMPTS):
        state, version = load_link_state(workspace.store, config.id)
        if state.peer_epoch is not None and reply.epoch < state.peer_epoch:
            raise PeerUnavailableError("epoch", "the reply is of an older incarnation")
        post = reply
        if reply.peer_epoch != workspace.epoch:
            post = reply.model_copy(update={"ack": (), "results": (), "records": ()})
        absorbed = absorb_post(workspace, config, post, session, peer_opened=False)
        changed = replace(
            state,
            n_out=max(state.n_out, request.n),
            s_out=max(state.s_out, request.s),
            s_in=max(state.s_in, reply.s),
            peer_epoch=reply.epoch,
            peer_instance=reply.instance,
            peer_version=reply.version,
            last_contact_out=workspace.clock.now(),
            round_trip_seconds=state.round_trip_seconds if round_trip is None else round_trip,
            failures=0,
        )
        absorbed.rows.append(Put(link_row(changed, version)))
        try:
            write_executions(workspace, absorbed.executions, absorbed.rows)
        except ConflictError:
            continue
        session.owe(absorbed.acks, absorbed.results)
        session.met(reply.instance, reply.limits)
        return
    raise ConflictError("link", config.id)


def note_failure(workspace: Workspace, config: SyncConfig, error: TielineError) -> None:
    """Keeps the reason of a failed exchange for the link's health; failing that, logs it."""
    reason = getattr(error, "reason", getattr(error, "code", type(error).__name__))
    logger.warning(
        "exchange failed",
        extra={
            "action": "exchange_failed",
            "link": config.name,
            "reason": reason,
            "detail": str(error)[:MAX_DETAIL],
        },
    )
    try:
        for _ in range(WRITE_ATTEMPTS):
            if workspace.store.get(SYNC_CONFIG, config.id) is None:
                return  # deleted meanwhile; it shall leave nothing behind
            state, version = load_link_state(workspace.store, config.id)
            changed = replace(
                state,
                failures=state.failures + 1,
                last_error_at=workspace.clock.now(),
                last_error_reason=str(reason),
                last_error_detail=str(error)[:MAX_DETAIL],
            )
            try:
                workspace.store.write([Put(link_row(changed, version))])
            except ConflictError:
                continue
            return
    except TransientError:
        logger.exception("failure not stored", extra={"action": "exchange_failed"})
