"""API tokens: who may call the REST interface, and as what."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tieline.errors import (
    ConflictError,
    InvalidFieldError,
    NotFoundError,
    StaleError,
    UnauthenticatedError,
)
from tieline.operations.manage_resources import check_name, is_id
from tieline.operations.records import TOKEN, read_body, write_body
from tieline.operations.view_execution import show_time
from tieline.operations.workspace import Workspace
from tieline.ports import Delete, Put, Row, Store
from tieline.protocol.ids import RANDOM_BYTES, new_id
from tieline.protocol.values import JsonObject

PREFIX = "tieline"
SECRET_BYTES = 32
"""256 bit, so a fast hash is enough: nobody guesses the secret itself."""

DEFAULT_DAYS = 365
MAX_DAYS = 3650

TOKEN_FIELDS = frozenset({"id", "name", "role", "created_at", "expires_at", "last_used_at"})

_REFUSAL = "the token is missing, unknown, expired or revoked"
"""One text for all of it, so that an answer does not tell how much of a guess was right."""


class Role(StrEnum):
    """What a caller may do; each role may also do all that the ones below it may."""

    ORGANIZATION_ADMIN = "organization-admin"
    USER = "user"
    VIEWER = "viewer"

    def includes(self, other: Role) -> bool:
        """Tells whether this role may do what the other may."""
        return _ORDER.index(self) >= _ORDER.index(other)


_ORDER = (Role.VIEWER, Role.USER, Role.ORGANIZATION_ADMIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who calls. `name` is the token's."""

    name: str
    role: Role


LOCAL_ADMIN = Principal(name="local", role=Role.ORGANIZATION_ADMIN)
"""Who can read the data directory; the command line beside the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token. `secret_hash` is the SHA-256 of its secret part, in hex."""

    id: str
    name: str
    role: Role
    secret_hash: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token with its text, which nobody can see again."""

    token: Token
    text: str


def create_token(
    workspace: Workspace, name: str, role: Role, expires_in_days: int = DEFAULT_DAYS
) -> NewToken:
    """Creates a token.

    Raises:
        InvalidFieldError: names `name` or `expires_in_days`.
        StaleError: another token has the name.
    """
    check_name(TOKEN, name)
    if not 1 <= expires_in_days <= MAX_DAYS:
        raise InvalidFieldError("expires_in_days", f"must be between 1 and {MAX_DAYS}")
    now = workspace.clock.now()
    secret = _encode(workspace.clock.random_bytes(SECRET_BYTES))
    token = Token(
        id=new_id(now, workspace.clock.random_bytes(RANDOM_BYTES)),
        name=name,
        role=role,
        secret_hash=_hash(secret),
        created_at=now,
        expires_at=now + timedelta(days=expires_in_days),
    )
    _insert(workspace.store, token)
    return NewToken(token, f"{PREFIX}_{token.id}_{secret}")


def revoke_token(workspace: Workspace, key: str) -> None:
    """Removes the token of that id or name; it is refused from now on.

    Raises:
        NotFoundError: there is none.
    """
    row = _row(workspace.store, key)
    workspace.store.write([Delete(TOKEN, row.id, row.version)])


def find_token(store: Store, key: str) -> Token:
    """Gives the token of that id or name.

    Raises:
        NotFoundError: there is none.
    """
    return token_of(_row(store, key))


def token_of(row: Row) -> Token:
    """Gives the token that a row holds."""
    return read_body(Token, row.body)


def view_token(token: Token) -> JsonObject:
    """Gives a token with the fields of `TOKEN_FIELDS`; never its secret or hash."""
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role.value,
        "created_at": show_time(token.created_at),
        "expires_at": show_time(token.expires_at),
        "last_used_at": show_time(token.last_used_at),
    }


def authenticate(workspace: Workspace, bearer: str) -> Principal:
    """Gives who the text of a token stands for.

    Raises:
        UnauthenticatedError: always with the same message.

    Not done here: noting the use; that would be a write per request.
    """
    prefix, token_id, secret = _split(bearer)
    row = workspace.store.get(TOKEN, token_id) if is_id(token_id) else None
    token = token_of(row) if row is not None else None
    is_right = hmac.compare_digest(_hash(secret), token.secret_hash if token else _hash(""))
    if token is None or not is_right or prefix != PREFIX:
        raise UnauthenticatedError(_REFUSAL)
    if workspace.clock.now() >= token.expires_at:
        raise UnauthenticatedError(_REFUSAL)
    return Principal(name=token.name, role=token.role)


def _split(bearer: str) -> tuple[str, str, str]:
    # The secret may hold '_', ids and the prefix do not.
    parts = bearer.split("_", 2)
    if len(parts) != 3 or not bearer.isascii():
        return "", "", ""
    return parts[0], parts[1], parts[2]


def _encode(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _row(store: Store, key: str) -> Row:
    row = store.get(TOKEN, key.lower()) if is_id(key) else store.get_by_name(TOKEN, key)
    if row is None:
        raise NotFoundError(f"token {key!r} does not exist")
    return row


def _insert(store: Store, token: Token) -> None:
    row = Row(kind=TOKEN, id=token.id, body=write_body(token), name=token.name)
    try:
        store.write([Put(row)])
    except ConflictError as error:
        if error.name_taken:
            raise StaleError(f"a token named {token.name!r} exists already") from error
        raise
