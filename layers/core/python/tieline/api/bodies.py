"""The bodies of requests, as models: types and lengths; the rules are in the operations."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from tieline.operations.manage_tokens import DEFAULT_DAYS, Role
from tieline.protocol.link import ControlMode

_MAX_PEM = 64 * 1024
"""Far above any key or bundle of certificates; keeps nonsense away from the parsers."""

Name = Annotated[str, Field(min_length=1, max_length=255)]
Pem = Annotated[str, Field(max_length=_MAX_PEM)]
Globs = Annotated[list[Annotated[str, Field(min_length=1, max_length=255)]], Field(max_length=1000)]


class _Body(BaseModel):
    # An unknown field is a typing mistake whose author believes that it had an effect.
    model_config = ConfigDict(extra="forbid", strict=True)


class FlowBody(_Body):
    """A new flow."""

    name: Name
    script: str


class FlowPatch(_Body):
    """What changes of a flow."""

    name: Name | None = None
    script: str | None = None


class SettingBody(_Body):
    """A new setting."""

    name: Name
    value: JsonValue = None


class SettingPatch(_Body):
    """What changes of a setting; a `value` of null is a value."""

    name: Name | None = None
    value: JsonValue = None


class FileBody(_Body):
    """A new file; `content` is base64."""

    name: Name
    content: str


class FilePatch(_Body):
    """What changes of a file; `content` is base64."""

    name: Name | None = None
    content: str | None = None


class ExecutionBody(_Body):
    """What shall run, and where."""

    flow_name: Name
    input_value: JsonValue = None
    name: Annotated[str, Field(max_length=255)] | None = None
    remote_workspace_name: Annotated[str, Field(max_length=63)] | None = None
    max_runtime_minutes: Annotated[float, Field(gt=0, le=527_040, allow_inf_nan=False)] | None = (
        None
    )
    not_after_seconds: Annotated[float, Field(gt=0, le=2_592_000, allow_inf_nan=False)] | None = (
        None
    )


class LinkPatch(_Body):
    """What changes of a sync config; both keys are write-only PEM."""

    name: Annotated[str, Field(max_length=255)] | None = None
    is_enabled: bool | None = None
    remote_url: Annotated[str, Field(max_length=4096)] | None = None
    ca_certificate: Pem | None = None
    verify_ssl_certificates: bool | None = None
    pinned_certificate_sha256: Annotated[str, Field(max_length=255)] | None = None
    seal_bodies: bool | None = None
    own_private_key: Pem | None = Field(default=None, json_schema_extra={"writeOnly": True})
    remote_public_key: Pem | None = Field(default=None, json_schema_extra={"writeOnly": True})
    send_all_executions: bool | None = None
    sync_interval: float | None = None
    control: Annotated[ControlMode, Field(strict=False)] | None = None
    expose_flows: Globs | None = None
    expose_settings: Globs | None = None
    expose_files: Globs | None = None
    writable_settings: Globs | None = None
    writable_files: Globs | None = None
    max_open_executions: int | None = None
    max_post_bytes: int | None = None
    not_after_seconds: int | None = None


class LinkBody(LinkPatch):
    """A new sync config; what is not given has its default."""

    name: Annotated[str, Field(max_length=255)]


class TokenBody(_Body):
    """A new token."""

    name: Name
    role: Annotated[Role, Field(strict=False)]
    expires_in_days: int = DEFAULT_DAYS
