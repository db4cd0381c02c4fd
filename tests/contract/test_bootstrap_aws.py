"""A workspace put together from the AWS adapters and the environment of a function."""

from __future__ import annotations

import pytest

from contract.aws import ENVIRONMENT, PREFIX, TABLE, client_of, make_table
from tieline.bootstrap_aws import open_workspace_aws
from tieline.config import AwsSettings, read_aws_settings
from tieline.errors import KeyMissingError, SettingsError, StoreUnavailableError
from tieline.operations.manage_resources import create_resource
from tieline.operations.read_workspace import read_identity
from tieline.operations.records import SETTING
from tieline.protocol.keys import thumbprint

VARIABLES = {
    "TIELINE_TABLE": TABLE,
    "TIELINE_KEY_SECRET": PREFIX,
    "TIELINE_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/runs",
    "TIELINE_BLOB_BUCKET": "blobs",
    "TIELINE_WORKSPACE_NAME": "cloud",
}
SETTINGS = read_aws_settings(VARIABLES)


@pytest.fixture
def stack(cloud: None) -> None:
    make_table(client_of("dynamodb"))


def test_settings_are_read_from_the_environment() -> None:
    assert (
        AwsSettings(
            table=TABLE,
            key_secret=PREFIX,
            queue_url=VARIABLES["TIELINE_QUEUE_URL"],
            blob_bucket="blobs",
            workspace_name="cloud",
            log_level="INFO",
        )
        == SETTINGS
    )


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("value", [None, ""])
def test_missing_variable_is_named(variable: str, value: str | None) -> None:
    given = {name: text for name, text in VARIABLES.items() if name != variable}
    if value is not None:
        given[variable] = value
    with pytest.raises(SettingsError, match=rf"^{variable}: "):
        read_aws_settings(given)


@pytest.mark.parametrize(
    ("variable", "value"), [("TIELINE_LOG_LEVEL", "LOUD"), ("TIELINE_KEY_SECRET", "a b")]
)
def test_wrong_variable_is_named(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{variable}: "):
        read_aws_settings({**VARIABLES, variable: value})


def test_first_use_makes_the_workspace_and_its_key(stack: None) -> None:
    workspace = open_workspace_aws(SETTINGS)
    identity = read_identity(workspace.store)
    assert (workspace.name, workspace.epoch) == ("cloud", identity.epoch)
    public = workspace.keys.load("workspace").public_key()
    assert identity.thumbprint == thumbprint(public)


def test_later_functions_find_the_same_workspace_and_are_instances_of_their_own(
    stack: None,
) -> None:
    first, second = open_workspace_aws(SETTINGS), open_workspace_aws(SETTINGS)
    assert first.epoch == second.epoch
    assert first.instance != second.instance


def test_workspace_keeps_the_name_it_was_made_with(stack: None) -> None:
    open_workspace_aws(SETTINGS)
    renamed = read_aws_settings({**VARIABLES, "TIELINE_WORKSPACE_NAME": "other"})
    assert open_workspace_aws(renamed).name == "cloud"


def test_name_that_no_workspace_can_have_is_a_wrong_setting(stack: None) -> None:
    wrong = read_aws_settings({**VARIABLES, "TIELINE_WORKSPACE_NAME": "My Cloud"})
    with pytest.raises(SettingsError, match=r"^TIELINE_WORKSPACE_NAME: "):
        open_workspace_aws(wrong)


def test_known_workspace_is_opened_without_secrets(stack: None) -> None:
    """So a function that may not read any secret can run flows."""
    open_workspace_aws(SETTINGS)
    client_of("secretsmanager").delete_secret(
        SecretId=f"{PREFIX}/workspace", ForceDeleteWithoutRecovery=True
    )
    workspace = open_workspace_aws(SETTINGS)
    with pytest.raises(KeyMissingError):
        workspace.keys.load("workspace")


def test_missing_table_is_named(cloud: None) -> None:
    with pytest.raises(SettingsError, match=TABLE):
        open_workspace_aws(SETTINGS)


def test_service_that_cannot_be_reached_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StoreUnavailableError, match=TABLE):
        open_workspace_aws(SETTINGS)


def test_every_limit_fits_an_item(stack: None) -> None:
    workspace = open_workspace_aws(SETTINGS)
    text = "x" * (workspace.limits.value_bytes - 2)
    created = create_resource(workspace, SETTING, "large", text)
    assert created.value == text
