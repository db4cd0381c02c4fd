"""Creates, changes, finds and deletes flows, settings and files."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from tieline.errors import ConflictError, InvalidFieldError, NotFoundError, OutputError, StaleError
from tieline.operations.records import FILE, FLOW, SETTING, Resource, read_body, write_body
from tieline.operations.view_execution import show_time
from tieline.operations.workspace import WRITE_ATTEMPTS, Limits, Workspace
from tieline.ports import Delete, Put, Row, Store
from tieline.protocol.ids import RANDOM_BYTES, new_id
from tieline.protocol.values import Json, JsonObject, check_json, dump_json

MAX_NAME_LENGTH = 255
"""Characters; what file systems allow, so that a file can be exported under its name."""

VALUE_FIELDS: Mapping[str, str] = {FLOW: "script", SETTING: "value", FILE: "content"}
"""What the REST interface calls the value of each kind."""

RESOURCE_FIELDS: Mapping[str, frozenset[str]] = {
    FLOW: frozenset({"id", "name", "script", "created_at", "updated_at"}),
    SETTING: frozenset({"id", "name", "value", "locked_by", "created_at", "updated_at"}),
    FILE: frozenset({"id", "name", "content", "size", "created_at", "updated_at"}),
}


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Stands for a value that a change leaves alone; None is a value of settings."""


UNCHANGED = Unchanged()


def create_resource(workspace: Workspace, kind: str, name: str, value: Json) -> Resource:
    """Creates a flow, setting or file.

    Raises:
        InvalidFieldError: names `name`, or `script`, `value`, `content`.
        StaleError: another one of its kind has the name.
    """
    check_name(kind, name)
    check_value(kind, value, workspace.limits)
    now = workspace.clock.now()
    record = Resource(
        id=new_id(now, workspace.clock.random_bytes(RANDOM_BYTES)),
        name=name,
        value=value,
        created_at=now,
        updated_at=now,
    )
    _write(workspace.store, kind, record, version=0)
    return record


def update_resource(
    workspace: Workspace,
    kind: str,
    key: str,
    *,
    name: str | None = None,
    value: Json | Unchanged = UNCHANGED,
) -> Resource:
    """Changes the name, the value, or both; what is not given stays.

    Raises:
        NotFoundError: there is none of that id or name.
        InvalidFieldError: names the field that is wrong.
        StaleError: another one of its kind has the new name.
    """
    if name is not None:
        check_name(kind, name)
    if not isinstance(value, Unchanged):
        check_value(kind, value, workspace.limits)
    for _ in range(WRITE_ATTEMPTS):
        record, version = _load(workspace.store, kind, key)
        changed = replace(
            record,
            name=record.name if name is None else name,
            value=record.value if isinstance(value, Unchanged) else value,
            updated_at=workspace.clock.now(),
        )
        try:
            _write(workspace.store, kind, changed, version)
        except ConflictError:
            continue
        return changed
    raise ConflictError(kind, key)


def delete_resource(workspace: Workspace, kind: str, key: str) -> None:
    """Deletes a flow, setting or file.

    Raises:
        NotFoundError: there is none of that id or name.
    """
    for _ in range(WRITE_ATTEMPTS):
        record, version = _load(workspace.store, kind, key)
        try:
            workspace.store.write([Delete(kind, record.id, version)])
        except ConflictError:
            continue
        return
    raise ConflictError(kind, key)


def find_resource(store: Store, kind: str, key: str) -> Resource:
    """Gives the flow, setting or file of that id or name.

    Raises:
        NotFoundError: there is none.
    """
    return _load(store, kind, key)[0]


def resource_of(row: Row) -> Resource:
    """Gives the flow, setting or file that a row holds."""
    return read_body(Resource, row.body)


def view_resource(kind: str, record: Resource) -> JsonObject:
    """Gives a flow, setting or file with the fields of `RESOURCE_FIELDS`."""
    view: JsonObject = {"id": record.id, "name": record.name, VALUE_FIELDS[kind]: record.value}
    if kind == SETTING:
        view["locked_by"] = record.locked_by
    if kind == FILE:
        view["size"] = _decoded_size(str(record.value))
    view["created_at"] = show_time(record.created_at)
    view["updated_at"] = show_time(record.updated_at)
    return view


def check_name(kind: str, name: str) -> None:
    """Accepts a name that can be found again: no id, no spaces around it, nothing invisible.

    Raises:
        InvalidFieldError: names `name`.
    """
    if not 1 <= len(name) <= MAX_NAME_LENGTH:
        raise InvalidFieldError("name", f"must have 1 to {MAX_NAME_LENGTH} characters")
    if not name.isprintable() or name != name.strip():
        raise InvalidFieldError("name", "must not hold control characters or begin or end blank")
    if is_id(name):
        raise InvalidFieldError("name", "must not look like an id; records are found by both")
    if kind != FILE and "/" in name:
        raise InvalidFieldError("name", "must not hold '/'; only names of files may")
    if any(part in ("", ".", "..") for part in name.split("/")):
        raise InvalidFieldError("name", "must not hold '//', begin or end with '/', nor be a dot")


def is_id(text: str) -> bool:
    """Tells whether a text is written like the ids of records."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def check_value(kind: str, value: Json, limits: Limits) -> None:
    """Accepts what a record of this kind may hold.

    Raises:
        InvalidFieldError: names `script` (with line and column), `value` or `content`.
    """
    if kind == FLOW:
        _check_script(value, limits.script_bytes)
    elif kind == FILE:
        _check_content(value, limits.file_bytes)
    else:
        _check_setting(value, limits.value_bytes)


def _check_script(script: Json, most_bytes: int) -> None:
    if not isinstance(script, str):
        raise InvalidFieldError("script", "must be text")
    if len(script.encode()) > most_bytes:
        raise InvalidFieldError("script", f"is larger than {most_bytes} bytes")
    try:
        compile(script, "<flow>", "exec", dont_inherit=True)
    except SyntaxError as error:
        place = f"line {error.lineno}, column {error.offset}"
        raise InvalidFieldError("script", f"{place}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        # A null byte, or brackets nested deeper than the compiler goes.
        raise InvalidFieldError("script", "cannot be compiled by Python") from error


def _check_content(content: Json, most_bytes: int) -> None:
    if not isinstance(content, str):
        raise InvalidFieldError("content", "must be base64 text")
    if _decoded_size(content) > most_bytes:
        raise InvalidFieldError("content", f"is larger than {most_bytes} bytes")
    try:
        base64.b64decode(content.encode("ascii"), validate=True)
    except (ValueError, binascii.Error) as error:
        raise InvalidFieldError("content", "is not base64 (RFC 4648 §4, with padding)") from error


def _check_setting(value: Json, most_bytes: int) -> None:
    try:
        check_json(value, "value")
    except OutputError as error:
        raise InvalidFieldError("value", str(error)) from error
    if len(dump_json(value).encode()) > most_bytes:
        raise InvalidFieldError("value", f"is larger than {most_bytes} bytes")


def _decoded_size(content: str) -> int:
    return len(content) * 3 // 4 - content[-2:].count("=")


def _load(store: Store, kind: str, key: str) -> tuple[Resource, int]:
    row = store.get(kind, key.lower()) if is_id(key) else store.get_by_name(kind, key)
    if row is None:
        raise NotFoundError(f"{kind} {key!r} does not exist")
    return resource_of(row), row.version


def _write(store: Store, kind: str, record: Resource, version: int) -> None:
    row = Row(kind=kind, id=record.id, body=write_body(record), version=version, name=record.name)
    try:
        store.write([Put(row)])
    except ConflictError as error:
        if error.name_taken:
            raise StaleError(f"a {kind} named {record.name!r} exists already") from error
        raise
