"""Tries a link and says, step by step, what works and the first thing that does not."""

from __future__ import annotations

from dataclasses import dataclass

from tieline.errors import (
    KeyMissingError,
    PeerRefusedError,
    PeerUnavailableError,
    ThrottledError,
    TielineError,
)
from tieline.operations.link_keys import accept_set, signer_of
from tieline.operations.link_session import LinkSession
from tieline.operations.records import load_config, load_link_state
from tieline.operations.send_changes import send_changes
from tieline.operations.workspace import Workspace
from tieline.protocol.link import SyncConfig, may_start_here, may_start_there

STEPS = ("enabled", "keys", "name", "connection", "tls", "signature", "clock", "exchange")
"""In the order in which they can fail."""

_STEP_OF_REASON = {
    "name": "name",
    "connection": "connection",
    "timeout": "connection",
    "tls": "tls",
    "unauthorized": "signature",
    "broken": "exchange",
    "too-large": "exchange",
    "epoch": "exchange",
}
_STEP_OF_REFUSAL = {"clock": "clock", "disabled": "exchange"}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was tried, and what an operator should know of it."""

    name: str
    is_ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class LinkProbe:
    """What a probe found; the last step is the one that failed, when one did."""

    is_working: bool
    steps: list[Step]


def probe_link(workspace: Workspace, config_name: str) -> LinkProbe:
    """Tries everything that an exchange needs; a link that only answers is judged by its past.

    Raises:
        UnknownLinkError: no sync config of that name.
    """
    config = load_config(workspace.store, config_name)
    steps: list[Step] = []
    if not config.is_enabled:
        return _failed(steps, "enabled", "this side's sync config is disabled: enable it")
    steps.append(Step("enabled", True, "this side's sync config is enabled"))
    problem = _key_problem(workspace, config)
    if problem:
        return _failed(steps, "keys", problem)
    steps.append(Step("keys", True, f"own key {config.own_thumbprint}"))
    if not config.remote_url:
        return _judge_answering(workspace, config, steps)
    return _exchange(workspace, config, steps)


def _failed(steps: list[Step], name: str, detail: str) -> LinkProbe:
    return LinkProbe(False, [*steps, Step(name, False, detail)])


def _key_problem(workspace: Workspace, config: SyncConfig) -> str:
    if not accept_set(config):
        return "the remote public key is missing: save the one the other side shows"
    try:
        signer_of(workspace, config)
    except KeyMissingError as error:
        return str(error)
    return ""


def _judge_answering(workspace: Workspace, config: SyncConfig, steps: list[Step]) -> LinkProbe:
    state, _ = load_link_state(workspace.store, config.id)
    if state.last_contact_in is None:
        detail = (
            "this side only answers, and no post with a good signature has come yet: check on "
            f"the other side that its Remote URL ends in /sync_config/{config.name}/sync and "
            "that both sides hold each other's public key"
        )
        return _failed(steps, "exchange", detail)
    age = (workspace.clock.now() - state.last_contact_in).total_seconds()
    detail = f"this side only answers; the last verified post came {age:.0f} s ago"
    steps.append(Step("exchange", True, detail))
    return LinkProbe(True, [*steps, _control(config)])


def _exchange(workspace: Workspace, config: SyncConfig, steps: list[Step]) -> LinkProbe:
    try:
        send_changes(workspace, config.id, LinkSession())
    except (PeerRefusedError, PeerUnavailableError, ThrottledError) as error:
        failed = _failed_step(error)
        steps += [Step(name, True, "") for name in STEPS[2 : STEPS.index(failed)]]
        return _failed(steps, failed, _advice(error))
    except TielineError as error:
        return _failed(steps, "exchange", str(error))
    steps += [Step(name, True, "") for name in STEPS[2:-1]]
    state, _ = load_link_state(workspace.store, config.id)
    took = state.round_trip_seconds or 0.0
    skew = state.clock_offset_seconds
    steps.append(Step("exchange", True, f"verified both ways in {took * 1000:.0f} ms"))
    if abs(skew) > 1:
        steps.append(Step("clock", True, f"the clocks differ by {skew:.0f} s; allowed for"))
    return LinkProbe(True, [*steps, _control(config)])


def _failed_step(error: TielineError) -> str:
    if isinstance(error, PeerRefusedError):
        return _STEP_OF_REFUSAL.get(error.code, "exchange")
    if isinstance(error, PeerUnavailableError):
        return _STEP_OF_REASON.get(error.reason, "exchange")
    return "exchange"


def _advice(error: TielineError) -> str:
    if isinstance(error, PeerRefusedError) and error.code == "disabled":
        return f"{error}: enable the sync config on the other side"
    return str(error)


def _control(config: SyncConfig) -> Step:
    there = "may" if may_start_there(config) else "may not"
    here = "may" if may_start_here(config, peer_opened=not config.remote_url) else "may not"
    detail = (
        f"by this side's settings (control = {config.control}) we {there} start flows there, "
        f"the peer {here} start flows here; the other side decides for itself as well"
    )
    return Step("control", True, detail)
