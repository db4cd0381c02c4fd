"""AWS as moto plays it, in this process: no network, no account, no thread but this one."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
from moto import mock_aws

from tieline.adapters.dynamodb_store import DynamoDbStore
from tieline.adapters.dynamodb_table import table_request
from tieline.adapters.secretsmanager_keys import SecretsManagerKeys

REGION = "eu-west-1"
TABLE = "tieline-test"
PREFIX = "tieline/test"

REAL_DYNAMODB = os.environ.get("TIELINE_TEST_DYNAMODB_URL")
"""Where a DynamoDB listens that the suites run on as well, such as DynamoDB Local."""

ENVIRONMENT = {
    # moto answers for one account; newer clients would put its id into the host name.
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def local_cloud() -> Iterator[None]:
    """Gives an empty cloud; `ENVIRONMENT` must be set."""
    with mock_aws():
        yield


@cache
def _session() -> boto3.session.Session:
    # Loading the services' descriptions takes most of the time of making a client.
    return boto3.session.Session(region_name=REGION)


def client_of(service: str) -> Any:
    return _session().client(service)


def lazily(service: str) -> Callable[[], Any]:
    return cache(lambda: client_of(service))


def make_table(client: Any, name: str = TABLE) -> None:
    client.create_table(**table_request(name))


def open_store(client: Any | None = None) -> DynamoDbStore:
    """Gives a store over a table that is made here."""
    client = client or client_of("dynamodb")
    make_table(client)
    return DynamoDbStore(lambda: client, TABLE)


def real_client(url: str) -> Any:
    """Gives a client of a DynamoDB that really runs, such as DynamoDB Local."""
    return boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


def open_real_store(client: Any) -> DynamoDbStore:
    """Gives a store over a new table of its own."""
    name = f"tieline-{uuid.uuid4()}"
    make_table(client, name)
    return DynamoDbStore(lambda: client, name)


def open_keys() -> SecretsManagerKeys:
    return SecretsManagerKeys(lazily("secretsmanager"), PREFIX)
