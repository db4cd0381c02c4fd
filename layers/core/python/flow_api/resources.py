"""Flows, settings and files, of this workspace or of one behind a link.

A reference never fails by itself; only reading or writing the record does.
"""

from __future__ import annotations

import base64
import binascii
from typing import ClassVar, Self

from flow_api.exceptions import InvalidInputError, MissingInputError
from flow_api.options import check_number
from flow_api.record import pick
from flow_api.session import Session, plain
from tieline.flows.calls import (
    ResourceDelete,
    ResourceExists,
    ResourceGet,
    ResourceSave,
    SettingAcquire,
    SettingRelease,
)
from tieline.flows.messages import View
from tieline.protocol.plain_json import PlainJson


class Resource:
    """A named record; `KIND` is how the workspace calls it."""

    KIND: ClassVar[str]

    def __init__(
        self,
        session: Session,
        name: str,
        remote_workspace_name: str | None = None,
        record: View | None = None,
    ) -> None:
        if not isinstance(name, str) or not name:
            raise InvalidInputError(f"{name!r} is not the name of a {self.KIND}")
        self.name = name
        self.remote_workspace_name = remote_workspace_name
        self._session = session
        self._record = record or {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def get(self, *names: str) -> object:
        """Gives fields as last seen: one value, a tuple of several, or all as an object."""
        if not self._record or not self._record.keys() >= set(names):
            self._refresh()
        return pick(self._record, names)

    def load(self, *names: str) -> object:
        """Gives fields as they stand now."""
        self._refresh()
        return pick(self._record, names)

    def save(self, **fields: object) -> Self:
        """Writes fields; creates the record when there is none."""
        if not fields:
            raise MissingInputError(f"nothing to save for {self!r}")
        return self._write({name: plain(name, value) for name, value in fields.items()})

    def exists(self) -> bool:
        """Tells whether there is such a record."""
        call = ResourceExists(
            kind=self.KIND, name=self.name, remote_workspace_name=self.remote_workspace_name
        )
        return self._session.call(call) is True

    def delete(self) -> None:
        """Removes the record."""
        self._session.call(
            ResourceDelete(
                kind=self.KIND, name=self.name, remote_workspace_name=self.remote_workspace_name
            )
        )
        self._record = {}

    def _write(self, fields: dict[str, PlainJson]) -> Self:
        self._record = self._session.view_of(
            ResourceSave(
                kind=self.KIND,
                name=self.name,
                remote_workspace_name=self.remote_workspace_name,
                fields=fields,
            )
        )
        self.name = str(self._record.get("name") or self.name)
        return self

    def _refresh(self) -> None:
        self._record = self._session.view_of(
            ResourceGet(
                kind=self.KIND, name=self.name, remote_workspace_name=self.remote_workspace_name
            )
        )


class Flow(Resource):
    """A flow; its text is in the field `script`."""

    KIND = "flow"


class Setting(Resource):
    """Any JSON value under a name, in the field `value`; also a lock of that name."""

    KIND = "setting"

    def acquire(self, timeout: float | None = None) -> Setting:
        """Waits until the lock is ours; it stays so until `release`, even after our end.

        Raises:
            LockTimeoutError: it was not free within `timeout` seconds.
        """
        limit = None if timeout is None else check_number("timeout", timeout)
        self._session.call(SettingAcquire(name=self._lock_name(), timeout=limit))
        return self

    def release(self) -> Setting:
        """Gives the lock back, whoever took it."""
        self._session.call(SettingRelease(name=self._lock_name()))
        return self

    def _lock_name(self) -> str:
        if self.remote_workspace_name is not None:
            raise InvalidInputError("only a setting of this workspace can be locked")
        return self.name


class File(Resource):
    """Bytes under a name, which may contain slashes."""

    KIND = "file"

    def get(self, *names: str, convert_binary: bool = True) -> object:
        """Gives fields as last seen; `content` as text, or as bytes when it is no text.

        Args:
            convert_binary: False gives `content` in base64.
        """
        if not self._record.keys() >= {"content", *names}:
            self._refresh()
        return pick(self._readable(convert_binary), names)

    def load(self, *names: str, convert_binary: bool = True) -> object:
        """Gives fields as they stand now; see `get`."""
        self._refresh()
        return pick(self._readable(convert_binary), names)

    def save(self, **fields: object) -> Self:
        """Writes the file: `text`, or `content` as text or bytes.

        With `convert_binary=False`, `content` is base64 already.
        """
        text, content = fields.pop("text", None), fields.get("content")
        convert_binary = fields.pop("convert_binary", True)
        if text is not None:
            fields["content"] = _encode(_text("text", text).encode())
        elif convert_binary and isinstance(content, bytes | bytearray):
            fields["content"] = _encode(bytes(content))
        elif content is not None and convert_binary:
            fields["content"] = _encode(_text("content", content).encode())
        elif content is not None:
            fields["content"] = _encode(_decode(content))
        return super().save(**fields)

    def get_text_content(self) -> str:
        """Gives the file as text.

        Raises:
            InvalidInputError: its bytes are not UTF-8.
        """
        try:
            return self.get_bytes_content().decode()
        except UnicodeDecodeError as error:
            raise InvalidInputError(f"{self!r} holds no UTF-8 text: {error}") from None

    def get_bytes_content(self) -> bytes:
        """Gives the file's bytes."""
        return _decode(self.get_base64_content())

    def get_base64_content(self) -> str:
        """Gives the file's bytes in base64, as stored now."""
        self._refresh()
        return str(self._record.get("content", ""))

    def save_text_content(self, text: str) -> Self:
        """Writes text as UTF-8."""
        return self.save(text=text)

    def save_bytes_content(self, data: bytes) -> Self:
        """Writes bytes."""
        if not isinstance(data, bytes | bytearray | memoryview):
            raise InvalidInputError(f"the content is {type(data).__name__}, not bytes")
        return self.save(content=bytes(data))

    def save_base64_content(self, data: str) -> Self:
        """Writes the bytes that base64 text stands for."""
        return self.save(content=data, convert_binary=False)

    def _readable(self, convert_binary: bool) -> dict[str, object]:
        record: dict[str, object] = dict(self._record)
        if convert_binary and "content" in record:
            data = _decode(record["content"])
            try:
                record["content"] = data.decode()
            except UnicodeDecodeError:
                record["content"] = data
        return record


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(content: object) -> bytes:
    try:
        return base64.b64decode(_text("content", content), validate=True)
    except binascii.Error as error:
        raise InvalidInputError(f"content is not base64: {error}") from None


def _text(what: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInputError(f"{what} is {type(value).__name__}, not text")
    plain(what, value)
    return value
