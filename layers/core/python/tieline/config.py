"""The settings of both hosts and the command line, from the environment.

Each variable is described in docs/configuration.md; a test compares that page with these models.
Nothing is read at import: `read_settings` is given the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tieline.errors import SettingsError

M = TypeVar("M", bound=BaseModel)

PREFIX = "TIELINE_"
DEFAULT_PORT = 8420


class EmbeddedSettings(BaseModel):
    """Settings of one workspace on the embedded host; the variable is `TIELINE_` + the name."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    data_directory: Annotated[
        Path, Field(description="Where the workspace keeps its database, keys and work files")
    ] = Path("~/.tieline")
    private_key_file: Annotated[
        Path | None,
        Field(description="The workspace's private key (PEM), instead of the one `init` made"),
    ] = None
    host: Annotated[str, Field(description="Address that `tieline serve` listens on")] = "127.0.0.1"
    port: Annotated[
        int, Field(ge=0, le=65535, description="Port that `tieline serve` listens on")
    ] = DEFAULT_PORT
    tls_certificate_file: Annotated[
        Path | None, Field(description="Certificate chain (PEM) for HTTPS")
    ] = None
    tls_key_file: Annotated[
        Path | None, Field(description="Private key (PEM) of that certificate")
    ] = None
    max_active_flows: Annotated[
        int, Field(ge=1, le=1000, description="Flows that may be busy (not waiting) at a time")
    ] = 32
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"],
        Field(description="Least severe log lines that are written"),
    ] = "INFO"

    @property
    def directory(self) -> Path:
        """Gives the data directory, absolute and with `~` resolved."""
        return self.data_directory.expanduser().absolute()


class ClientSettings(BaseModel):
    """Settings of the command line when it talks to a workspace over HTTP."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    url: Annotated[
        str, Field(description="Address of the workspace; empty = the data directory")
    ] = ""
    token: Annotated[str, Field(repr=False, description="API token for that address")] = ""
    ca_file: Annotated[
        Path | None, Field(description="Certificate authorities (PEM) for that address")
    ] = None


class AwsSettings(BaseModel):
    """Settings of one workspace on the AWS host; the stack's template sets every one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    table: Annotated[str, Field(description="Name of the workspace's DynamoDB table")]
    key_secret: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9/_+=.@-]{1,200}$",
            description="What the names of the private keys' secrets begin with",
        ),
    ]
    queue_url: Annotated[str, Field(description="URL of the queue of executions to run")]
    send_queue_url: Annotated[
        str, Field(description="URL of the queue of posts to send; only the sweep needs it")
    ] = ""
    blob_bucket: Annotated[str, Field(description="Bucket for values too large for the table")]
    workspace_name: Annotated[str, Field(description="Name the workspace is created with")]
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"],
        Field(description="Least severe log lines that are written"),
    ] = "INFO"


def read_settings(environment: Mapping[str, str]) -> EmbeddedSettings:
    """Gives the embedded host's settings.

    Raises:
        SettingsError: names the variable that is wrong.
    """
    return _read(EmbeddedSettings, environment)


def read_aws_settings(environment: Mapping[str, str]) -> AwsSettings:
    """Gives the AWS host's settings; raises like `read_settings`."""
    return _read(AwsSettings, environment)


def read_client_settings(environment: Mapping[str, str]) -> ClientSettings:
    """Gives the command line's settings; raises like `read_settings`."""
    return _read(ClientSettings, environment)


def _read(model: type[M], environment: Mapping[str, str]) -> M:
    given = {
        name: environment[PREFIX + name.upper()]
        for name in model.model_fields
        if environment.get(PREFIX + name.upper())
    }
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        variable = PREFIX + str(first["loc"][0]).upper()
        raise SettingsError(f"{variable}: {first['msg']}") from error
