"""Every way in which a signed message can be bent: each header, each byte region, each field."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

from tieline.protocol.signing import content_digest

Headers = list[tuple[str, str]]
Message = tuple[Headers, bytes]
Altered = tuple[str, Callable[[], Message]]
"""What is done, and what gives the message after it."""
Path = tuple[str | int, ...]

HEADER_STEP = 8
BODY_STEP = 8
ABSENT = object()


def alter_headers(headers: Headers, body: bytes) -> Iterator[Altered]:
    """Each header removed, renamed, doubled, and changed at every eighth byte and at its end."""
    for at, (name, value) in enumerate(headers):
        before, after = headers[:at], headers[at + 1 :]
        yield f"{name} removed", _say([*before, *after], body)
        yield f"{name} renamed", _say([*before, (f"x-{name}", value), *after], body)
        yield f"{name} doubled", _say([*headers, (name, value)], body)
        yield f"{name} joined", _say([*before, (name, f"{value}, {value}"), *after], body)
        yield f"{name} emptied", _say([*before, (name, ""), *after], body)
        for place, character in _bent_characters(value):
            bent = value[:place] + character + value[place + 1 :]
            yield f"{name} bent at {place}", _say([*before, (name, bent), *after], body)


def flip_body(headers: Headers, body: bytes) -> Iterator[Altered]:
    """One bit of every eighth byte of the body, and its ends."""
    for place in [*range(0, len(body), BODY_STEP), len(body) - 1]:
        bent = bytearray(body)
        bent[place] ^= 1 << (place // BODY_STEP) % 8
        yield f"body bit at {place}", _say(headers, bytes(bent))
    yield "body cut", _say(headers, body[:-1])
    yield "body longer", _say(headers, body + b" ")
    yield "body emptied", _say(headers, b"")


def alter_fields(headers: Headers, body: bytes) -> Iterator[Altered]:
    """Each field of the body, and of everything in it, removed and changed; each is then tried
    with the old digest, and with the digest that the changed body has."""
    for path in list(_paths(json.loads(body))):
        for is_removed, has_new_digest in product((True, False), repeat=2):
            name = f"{'.'.join(map(str, path))} {is_removed=} {has_new_digest=}"
            yield name, partial(_alter_field, headers, body, path, is_removed, has_new_digest)


def _alter_field(
    headers: Headers, body: bytes, path: Path, is_removed: bool, has_new_digest: bool
) -> Message:
    changed = json.loads(body)
    _put(changed, path, ABSENT if is_removed else _another(_at(changed, path)))
    bent = json.dumps(changed, separators=(",", ":")).encode()
    return (_with_digest(headers, bent) if has_new_digest else headers), bent


def fields_of(body: bytes) -> set[str]:
    """The names that the fields of a body have, whatever they are in."""
    return {str(path[-1]) for path in _paths(json.loads(body))}


def _say(headers: Headers, body: bytes) -> Callable[[], Message]:
    return lambda: (headers, body)


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


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, dict):
        inner: list[tuple[str | int, Any]] = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    else:
        return
    for key, each in inner:
        yield (*path, key)
        yield from _paths(each, (*path, key))


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def _put(value: Any, path: Path, new: Any) -> None:
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
