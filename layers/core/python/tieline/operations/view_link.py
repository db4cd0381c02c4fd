"""Shows a sync config and how its link is, as the REST interface gives them."""

from __future__ import annotations

from dataclasses import asdict, fields

from tieline.operations.records import load_link_state
from tieline.operations.view_execution import show_time
from tieline.operations.workspace import Workspace
from tieline.protocol.link import LinkState, SyncConfig
from tieline.protocol.values import JsonObject

_SHOWN_AS = {"own_thumbprint": "own_fingerprint", "peer_thumbprint": "peer_fingerprint"}
_NEVER_SHOWN = frozenset({"remote_public_key"})

LINK_FIELDS = frozenset(
    {_SHOWN_AS.get(each.name, each.name) for each in fields(SyncConfig)} - _NEVER_SHOWN | {"path"}
)


def view_link(config: SyncConfig) -> JsonObject:
    """Gives a sync config with the fields of `LINK_FIELDS`; keys only as their fingerprints."""
    view: JsonObject = {}
    for name, value in asdict(config).items():
        if name not in _NEVER_SHOWN:
            view[_SHOWN_AS.get(name, name)] = list(value) if isinstance(value, tuple) else value
    view["control"] = config.control.value
    view["path"] = f"/api/latest/sync_config/{config.name}/sync"
    return view


def view_link_status(workspace: Workspace, config: SyncConfig) -> JsonObject:
    """Gives what an operator looks at to see whether a link works."""
    state, _ = load_link_state(workspace.store, config.id)
    return {
        "name": config.name,
        "is_enabled": config.is_enabled,
        "is_dialling": config.dials,
        "dirty_count": workspace.store.count_dirty(config.id),
        "own_fingerprint": config.own_thumbprint,
        "peer_fingerprint": config.peer_thumbprint,
        "epoch": workspace.epoch,
        **_view_state(state),
    }


def _view_state(state: LinkState) -> JsonObject:
    return {
        "peer_epoch": state.peer_epoch,
        "peer_version": state.peer_version,
        "last_contact_in": show_time(state.last_contact_in),
        "last_contact_out": show_time(state.last_contact_out),
        "last_error_at": show_time(state.last_error_at),
        "last_error_reason": state.last_error_reason,
        "last_error_detail": state.last_error_detail,
        "clock_offset_seconds": state.clock_offset_seconds,
        "round_trip_seconds": state.round_trip_seconds,
        "failures": state.failures,
    }
