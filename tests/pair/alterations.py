"""Every way in which a signed message can be bent: each header, each byte region, each field."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from tieline.protocol.signing import content_digest

Headers = list[tuple[str, str]]
Altered = tuple[str, Headers, bytes]
"""What was done, and the message after it."""

HEADER_STEP = 8
BODY_STEP = 8
ABSENT = object()


def alter_headers(headers: Headers, body: bytes) -> Iterator[Altered]:
    """Each header removed, renamed, doubled, and changed at every eighth byte and at its end."""
    for at, (name, value) in enumerate(headers):
        before, after = headers[:at], headers[at + 1 :]
        yield f"{name} removed", [*before, *after], body
        yield f"{name} renamed", [*before, (f"x-{name}", value), *after], body
        yield f"{name} doubled", [*headers, (name, value)], body
        yield f"{name} joined", [*before, (name, f"{value}, {value}"), *after], body
        yield f"{name} emptied", [*before, (name, ""), *after], body
        for place, character in _bent_characters(value):
            bent = value[:place] + character + value[place + 1 :]
            yield f"{name} bent at {place}", [*before, (name, bent), *after], body


def flip_body(headers: Headers, body: bytes) -> Iterator[Altered]:
    """One bit of every eighth byte of the body, and its ends."""
    for place in [*range(0, len(body), BODY_STEP), len(body) - 1]:
        bent = bytearray(body)
        bent[place] ^= 1 << (place // BODY_STEP) % 8
        yield f"body bit at {place}", headers, bytes(bent)
    yield "body cut", headers, body[:-1]
    yield "body longer", headers, body + b" "
    yield "body emptied", headers, b""


def alter_fields(headers: Headers, body: bytes) -> Iterator[Altered]:
    """Each field of the body, and of everything in it, removed and changed; each is then tried
    with the old digest, and with the digest that the changed body has."""
    original = json.loads(body)
    for path in list(_paths(original)):
        for what, value in (("removed", ABSENT), ("changed", _another(_at(original, path)))):
            changed = copy.deepcopy(original)
            _put(changed, path, value)
            bent = json.dumps(changed, separators=(",", ":")).encode()
            name = ".".join(map(str, path))
            yield f"{name} {what}", headers, bent
            yield f"{name} {what}, new digest", _with_digest(headers, bent), bent


def fields_of(body: bytes) -> set[str]:
    """The names that the fields of a body have, whatever they are in."""
    return {str(path[-1]) for path in _paths(json.loads(body))}


def _bent_characters(value: str) -> Iterator[tuple[int, str]]:
    last = range(max(0, len(value) - 4), len(value))
    for place in sorted({*range(0, len(value), HEADER_STEP), *last}):
        yield place, chr(ord(value[place]) ^ 1)
    for place in last:
        # In base64 this may spell the same bytes in another way.
        yield place, chr(ord(value[place]) + 1)


def _with_digest(headers: Headers, body: bytes) -> Headers:
    return [
        (name, content_digest(body) if name == "content-digest" else value)
        for name, value in headers
    ]


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict):
        inner: list[tuple[str | int, Any]] = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    else:
        return
    for key, each in inner:
        yield (*path, key)
        yield from _paths(each, (*path, key))


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _put(value: Any, path: tuple[str | int, ...], new: Any) -> None:
    *way, last = path
    holder = _at(value, tuple(way))
    if new is ABSENT:
        del holder[last]
    else:
        holder[last] = new


def _another(value: Any) -> Any:
    """Gives another value, of the same type where that has one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return f"{value}x"
    if isinstance(value, list):
        return [*value, *value[:1]] if value else [1]
    return {**value, "x": 1} if isinstance(value, dict) else 1
