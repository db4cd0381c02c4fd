"""Puts a workspace of the AWS host together; beside `bootstrap`, nothing else names an adapter.

Clients are made by their first call: a function pays only for the services that it uses.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from tieline.adapters.aws_hints import AwsHints
from tieline.adapters.dynamodb_store import DynamoDbStore
from tieline.adapters.https_transport import HttpsTransport
from tieline.adapters.secretsmanager_keys import SecretsManagerKeys
from tieline.adapters.sqs_runner import SqsRunner
from tieline.adapters.system_clock import SystemClock
from tieline.config import AwsSettings
from tieline.errors import InvalidFieldError, SettingsError
from tieline.operations.create_workspace import create_workspace
from tieline.operations.read_workspace import SELF, read_identity
from tieline.operations.records import WORKSPACE, Identity
from tieline.operations.workspace import Limits, Workspace

AWS_LIMITS = Limits(value_bytes=96 * 1024, script_bytes=96 * 1024, file_bytes=256 * 1024)
"""An execution holds a script, an input and an output in one item of 350 KB; a file is base64."""

CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
ATTEMPTS = 4
"""A call takes milliseconds; a function that waits longer than this is paid for waiting."""


def open_workspace_aws(settings: AwsSettings) -> Workspace:
    """Gives the stack's workspace; the first function to come makes its identity and its key.

    Raises:
        SettingsError: the table cannot be used, or the name is none; says why.
        KeyMissingError: there is no identity yet, and this function may not make the key.
        StoreUnavailableError: DynamoDB or Secrets Manager does not answer.
    """
    clients = {name: _lazy(name) for name in ("dynamodb", "secretsmanager", "sqs")}
    store = DynamoDbStore(clients["dynamodb"], settings.table)
    keys = SecretsManagerKeys(clients["secretsmanager"], settings.key_secret)
    clock = SystemClock()
    identity = _identity(store, keys, clock, settings.workspace_name)
    return Workspace(
        name=identity.name,
        epoch=identity.epoch,
        instance=clock.random_bytes(12).hex(),
        store=store,
        keys=keys,
        transport=HttpsTransport(),
        runner=SqsRunner(clients["sqs"], settings.queue_url),
        hints=AwsHints(),
        clock=clock,
        limits=AWS_LIMITS,
    )


def _identity(
    store: DynamoDbStore, keys: SecretsManagerKeys, clock: SystemClock, name: str
) -> Identity:
    if store.get(WORKSPACE, SELF) is not None:
        return read_identity(store)
    # The key first, and by one creation that only one of several functions wins.
    keys.create_missing()
    try:
        return create_workspace(store, keys, clock, name)
    except InvalidFieldError as error:
        raise SettingsError(f"TIELINE_WORKSPACE_NAME: {error.problem}") from error


def _lazy(service: str) -> Callable[[], Any]:
    @cache
    def client() -> Any:
        import boto3  # noqa: PLC0415 - takes its time
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        )
        return boto3.client(service, config=config)

    return client
