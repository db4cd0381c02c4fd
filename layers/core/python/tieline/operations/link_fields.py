"""Turns what an operator says about a sync config into a checked sync config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace

from pydantic import TypeAdapter, ValidationError

from tieline.errors import InvalidFieldError
from tieline.protocol.keys import parse_public_key, public_pem, thumbprint
from tieline.protocol.link import SyncConfig

_DERIVED = frozenset({"id", "has_own_key", "own_thumbprint", "peer_thumbprint"})

WRITABLE_FIELDS = frozenset(each.name for each in fields(SyncConfig)) - _DERIVED
"""What an operator may set; the rest follows from it."""

_adapter: TypeAdapter[SyncConfig] = TypeAdapter(SyncConfig)


def apply_fields(config: SyncConfig, changes: Mapping[str, object]) -> SyncConfig:
    """Gives the sync config with some fields changed; types are checked, rules are not.

    A changed `remote_public_key` changes `peer_thumbprint` with it; an empty one removes both.

    Raises:
        InvalidFieldError: names a field that does not exist, cannot be set, has a value of the
            wrong type, or holds a key that cannot be used.
    """
    for name in changes:
        if name not in WRITABLE_FIELDS:
            raise InvalidFieldError(name, "is not a field that can be set")
    try:
        changed = _adapter.validate_python({**asdict(config), **changes})
    except ValidationError as error:
        # Not chained: the library's error quotes the value, which may be a key in a wrong field.
        raise _invalid(error) from None
    return _derive(changed) if "remote_public_key" in changes else changed


def _derive(config: SyncConfig) -> SyncConfig:
    if not config.remote_public_key:
        return replace(config, peer_thumbprint="")
    key = parse_public_key(config.remote_public_key)
    return replace(config, remote_public_key=public_pem(key), peer_thumbprint=thumbprint(key))


def _invalid(error: ValidationError) -> InvalidFieldError:
    first = error.errors(include_input=False, include_context=False, include_url=False)[0]
    return InvalidFieldError(str(first["loc"][0]), first["msg"])
