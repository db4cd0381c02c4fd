"""What SecretsManagerKeys promises beyond the port: names, calls saved, races, deletion."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from contract.aws import PREFIX, client_of
from tieline.adapters.secretsmanager_keys import CACHED_SECONDS, RECOVERY_DAYS, SecretsManagerKeys
from tieline.errors import KeyMissingError, StoreUnavailableError
from tieline.protocol.keys import load_private_key, thumbprint

LINK = "01890a5d-ac96-774b-bcce-b302099a8057"
WORKSPACE_SECRET = f"{PREFIX}/workspace"


class CountingClient:
    """Passes calls on to moto, notes them, and fails where told to."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.error: Exception | None = None
        self.before: dict[str, Callable[[], None]] = {}
        self._client = client_of("secretsmanager")

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            self.calls.append(operation)
            self.before.pop(operation, lambda: None)()
            if self.error is not None:
                raise self.error
            return getattr(self._client, operation)(**arguments)

        return call


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def client(cloud: None) -> CountingClient:
    return CountingClient()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def keys(client: CountingClient, time: Time) -> SecretsManagerKeys:
    return SecretsManagerKeys(lambda: client, PREFIX, monotonic=time)


@pytest.fixture
def elsewhere(client: CountingClient, time: Time) -> SecretsManagerKeys:
    """The keys of another process."""
    return SecretsManagerKeys(lambda: client, PREFIX, monotonic=time)


def refusal(code: str, status: int = 400) -> ClientError:
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "GetSecretValue")


def is_key(keys: SecretsManagerKeys, pem: bytes, owner: str = "workspace") -> bool:
    public = load_private_key(pem).public_key()
    return thumbprint(keys.load(owner).public_key()) == thumbprint(public)


def test_secrets_are_named_by_their_owners(keys: SecretsManagerKeys, pem: bytes) -> None:
    keys.save("workspace", pem)
    keys.save(LINK, pem)
    names = [each["Name"] for each in client_of("secretsmanager").list_secrets()["SecretList"]]
    assert sorted(names) == [f"{PREFIX}/link/{LINK}", WORKSPACE_SECRET]


@pytest.mark.parametrize("owner", ["", "../workspace", "Workspace", "link"])
def test_other_owners_have_no_key(
    keys: SecretsManagerKeys, client: CountingClient, pem: bytes, owner: str
) -> None:
    for use in (keys.load, keys.delete, lambda owner: keys.save(owner, pem)):
        with pytest.raises(KeyMissingError):
            use(owner)
    assert client.calls == []


def test_cached_key_costs_no_call(
    keys: SecretsManagerKeys, client: CountingClient, time: Time, pem: bytes
) -> None:
    keys.save("workspace", pem)
    keys.load("workspace")
    client.calls.clear()
    time.now += CACHED_SECONDS - 1
    keys.load("workspace")
    assert client.calls == []


def test_key_changed_elsewhere_is_seen_when_the_cache_is_old(
    keys: SecretsManagerKeys,
    elsewhere: SecretsManagerKeys,
    time: Time,
    pem: bytes,
    other_pem: bytes,
) -> None:
    keys.save("workspace", pem)
    keys.load("workspace")
    elsewhere.save("workspace", other_pem)
    assert is_key(keys, pem)
    time.now += CACHED_SECONDS
    assert is_key(keys, other_pem)


def test_unchanged_version_is_not_parsed_again(
    keys: SecretsManagerKeys, time: Time, pem: bytes
) -> None:
    keys.save("workspace", pem)
    first = keys.load("workspace")
    time.now += CACHED_SECONDS
    assert keys.load("workspace") is first


@pytest.mark.parametrize(
    "error",
    [
        refusal("ThrottlingException"),
        refusal("InternalServiceError", 500),
        EndpointConnectionError(endpoint_url="https://secrets"),
    ],
    ids=["throttled", "broken", "unreachable"],
)
def test_key_that_cannot_be_read_again_goes_on_being_used(
    keys: SecretsManagerKeys,
    client: CountingClient,
    time: Time,
    pem: bytes,
    error: Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    keys.save("workspace", pem)
    first = keys.load("workspace")
    time.now += CACHED_SECONDS
    client.error = error
    with caplog.at_level(logging.WARNING):
        assert keys.load("workspace") is first
    assert [each.message for each in caplog.records] == [
        "key not read again, the cached one is used"
    ]


def test_key_that_was_never_read_is_unavailable_when_throttled(
    keys: SecretsManagerKeys, client: CountingClient, pem: bytes
) -> None:
    keys.save("workspace", pem)
    client.error = refusal("ThrottlingException")
    with pytest.raises(StoreUnavailableError, match=WORKSPACE_SECRET):
        keys.load("workspace")


def test_denied_secret_is_missing_even_when_it_was_cached(
    keys: SecretsManagerKeys, client: CountingClient, time: Time, pem: bytes
) -> None:
    keys.save("workspace", pem)
    keys.load("workspace")
    time.now += CACHED_SECONDS
    client.error = refusal("AccessDeniedException")
    for _ in range(2):
        with pytest.raises(KeyMissingError, match=rf"{WORKSPACE_SECRET} .*may not"):
            keys.load("workspace")


def test_deleted_key_can_be_restored_for_some_days(keys: SecretsManagerKeys, pem: bytes) -> None:
    keys.save(LINK, pem)
    keys.delete(LINK)
    found = client_of("secretsmanager").describe_secret(SecretId=f"{PREFIX}/link/{LINK}")
    days = (found["DeletedDate"] - found["LastChangedDate"]).total_seconds() / 86_400
    assert round(days) == RECOVERY_DAYS
    with pytest.raises(KeyMissingError, match="was deleted"):
        keys.load(LINK)


def test_key_saved_while_its_secret_is_being_deleted_is_there(
    keys: SecretsManagerKeys, pem: bytes, other_pem: bytes
) -> None:
    keys.save(LINK, pem)
    keys.delete(LINK)
    keys.delete(LINK)
    keys.save(LINK, other_pem)
    assert is_key(keys, other_pem, LINK)


def test_missing_workspace_key_is_made_once(keys: SecretsManagerKeys) -> None:
    keys.create_missing()
    first = keys.load("workspace")
    keys.create_missing()
    assert keys.load("workspace") is first
    assert first.key_size == 3072


def test_who_loses_the_race_for_the_first_key_takes_the_winners(
    keys: SecretsManagerKeys, elsewhere: SecretsManagerKeys, client: CountingClient, pem: bytes
) -> None:
    client.before["create_secret"] = lambda: elsewhere.save("workspace", pem)
    keys.create_missing()
    assert is_key(keys, pem)


def test_first_key_that_may_not_be_made_is_named(
    keys: SecretsManagerKeys, client: CountingClient
) -> None:
    client.error = refusal("AccessDeniedException")
    with pytest.raises(KeyMissingError, match=WORKSPACE_SECRET):
        keys.create_missing()


def test_key_that_cannot_be_written_now_is_unavailable(
    keys: SecretsManagerKeys, client: CountingClient, pem: bytes
) -> None:
    client.error = refusal("InternalServiceError", 500)
    with pytest.raises(StoreUnavailableError):
        keys.save("workspace", pem)
    with pytest.raises(StoreUnavailableError):
        keys.delete("workspace")
