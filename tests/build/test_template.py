"""template.yaml: what each function may do, and that nothing stands open."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from build.cloudformation import folder_of, resources, statements, template
from lambda_functions import FUNCTIONS, ROOT
from tieline.adapters.dynamodb_table import TIME_TO_LIVE, table_request
from tieline.config import PREFIX, AwsSettings
from tieline.operations.run_due import CLOCK_SLACK_SECONDS, WORKER_SECONDS

ROOT_DOCS = ROOT / "docs"
FUNCTION_FOLDERS = ROOT / "functions"

LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
READ = {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"}
CHANGE = {*READ, "dynamodb:DeleteItem", "dynamodb:PutItem"}
CHECK = "dynamodb:ConditionCheckItem"
"""A post of more rows than one transaction holds checks its last row in each."""
STREAM = {
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
}
TAKE = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
READ_KEY = "secretsmanager:GetSecretValue"
WRITE_KEYS = {
    "secretsmanager:CreateSecret",
    "secretsmanager:DeleteSecret",
    "secretsmanager:DescribeSecret",
    "secretsmanager:PutSecretValue",
    "secretsmanager:RestoreSecret",
}
SEND = "sqs:SendMessage"

MAY: dict[str, set[str]] = {
    "receive_post": {*LOGS, *CHANGE, CHECK, READ_KEY, SEND},
    "api": {*LOGS, *CHANGE, *WRITE_KEYS, READ_KEY, SEND},
    "send_changes": {*LOGS, *CHANGE, *STREAM, *TAKE, CHECK, READ_KEY, SEND},
    "run_due": {*LOGS, *READ, "dynamodb:PutItem", SEND},
    "run_flow": {*LOGS, *CHANGE, *TAKE, SEND},
    "doorbell": LOGS,
}
"""Everything each function may do."""

QUEUES: dict[str, set[str]] = {
    "receive_post": {"RunQueue"},
    "api": {"RunQueue"},
    "send_changes": {"RunQueue", "FailureQueue"},
    "run_due": {"RunQueue", "SendQueue"},
    "run_flow": {"RunQueue"},
    "doorbell": set(),
}
"""The queues that each function may put messages into."""

WHOLE_SERVICE = {"dynamodb:ListStreams"}
"""Actions that know no resource."""

KEYS = "secret:tieline/${WorkspaceName}/*"
WORKSPACE_KEY = "secret:tieline/${WorkspaceName}/workspace-??????"

BY_FOLDER = {
    folder_of(name): (name, each) for name, each in resources("AWS::Serverless::Function").items()
}


def _role(folder: str) -> str:
    role: str = BY_FOLDER[folder][1]["Role"]["Fn::GetAtt"].split(".")[0]
    return role


def _allowed(folder: str) -> list[dict[str, Any]]:
    return [each for each in statements(_role(folder)) if each["Effect"] == "Allow"]


def test_every_folder_is_one_function_with_a_role_of_its_own() -> None:
    assert sorted(BY_FOLDER) == FUNCTIONS == sorted(MAY)
    assert len({_role(folder) for folder in BY_FOLDER}) == len(FUNCTIONS)


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_function_may_do_this_and_nothing_else(folder: str) -> None:
    may = {action for each in _allowed(folder) for action in each["Action"]}
    assert may == MAY[folder]


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_function_sends_to_its_queues_only(folder: str) -> None:
    found = [each["Resource"] for each in _allowed(folder) if SEND in each["Action"]]
    names = {each["Fn::GetAtt"].split(".")[0] for group in found for each in group}
    assert names == QUEUES[folder]


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_no_grant_has_a_wildcard_beyond_the_justified(folder: str) -> None:
    for each in _allowed(folder):
        assert not any("*" in action for action in each["Action"])
        if set(each["Action"]) != WHOLE_SERVICE:
            assert "*" not in each["Resource"]


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_role_has_no_managed_policy(folder: str) -> None:
    assert "ManagedPolicyArns" not in resources("AWS::IAM::Role")[_role(folder)]


def test_flows_are_denied_every_secret() -> None:
    denied = [each for each in statements(_role("run_flow")) if each["Effect"] == "Deny"]
    assert [(each["Action"], each["Resource"]) for each in denied] == [
        (["secretsmanager:*"], ["*"])
    ]


@pytest.mark.parametrize(
    ("folder", "resource"),
    [("receive_post", KEYS), ("send_changes", KEYS), ("api", WORKSPACE_KEY)],
)
def test_keys_are_read_only_where_posts_are_signed(folder: str, resource: str) -> None:
    found = [each["Resource"] for each in _allowed(folder) if READ_KEY in each["Action"]]
    assert len(found) == 1
    assert [each["Fn::Sub"].rsplit(":", 2)[-2:] for each in found[0]] == [resource.split(":")]


def test_environment_sets_every_setting_of_the_host() -> None:
    given = template()["Globals"]["Function"]["Environment"]["Variables"]
    sweep = template()["Resources"]["RunDueFunction"]["Properties"]["Environment"]["Variables"]
    wanted = {PREFIX + name.upper() for name in AwsSettings.model_fields}
    assert {name for name in given | sweep if name.startswith(PREFIX)} == wanted
    assert set(sweep) == {"TIELINE_SEND_QUEUE_URL"}


def test_secrets_begin_as_the_roles_expect() -> None:
    given = template()["Globals"]["Function"]["Environment"]["Variables"]
    assert given["TIELINE_KEY_SECRET"] == {"Fn::Sub": "tieline/${WorkspaceName}"}


def _by_name(found: Any, name: str) -> dict[str, Any]:
    return {each[name]: each for each in found}


def test_table_is_the_one_that_the_store_expects() -> None:
    table, wanted = resources("AWS::DynamoDB::Table")["Table"], table_request("any")
    for part in ("KeySchema", "BillingMode"):
        assert table[part] == wanted[part]
    for part, name in (
        ("AttributeDefinitions", "AttributeName"),
        ("GlobalSecondaryIndexes", "IndexName"),
    ):
        assert _by_name(table[part], name) == _by_name(wanted[part], name)
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"
    assert table["TimeToLiveSpecification"] == {"AttributeName": TIME_TO_LIVE, "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


@pytest.mark.parametrize("name", ["Table", "BlobBucket"])
def test_state_survives_the_stack(name: str) -> None:
    resource = template()["Resources"][name]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_bucket_is_private_encrypted_and_reached_by_tls_only() -> None:
    bucket = resources("AWS::S3::Bucket")["BlobBucket"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]
    policy = resources("AWS::S3::BucketPolicy")["BlobBucketPolicy"]["PolicyDocument"]
    assert [(each["Effect"], each["Action"]) for each in policy["Statement"]] == [("Deny", "s3:*")]
    assert policy["Statement"][0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_message_comes_back_after_its_worker_died_and_before_the_sweep_gives_up() -> None:
    timeout = BY_FOLDER["run_flow"][1]["Timeout"]
    visible_again = resources("AWS::SQS::Queue")["RunQueue"]["VisibilityTimeout"]
    assert timeout == WORKER_SECONDS
    assert timeout < visible_again <= WORKER_SECONDS + CLOCK_SLACK_SECONDS


@pytest.mark.parametrize("name", ["RunQueue", "SendQueue"])
def test_queue_gives_up_a_message_after_bounded_tries(name: str) -> None:
    redrive = resources("AWS::SQS::Queue")[name]["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": "FailureQueue.Arn"}
    assert redrive["maxReceiveCount"] <= 5


def test_stream_gives_up_a_record_after_bounded_tries() -> None:
    mapping = resources("AWS::Lambda::EventSourceMapping")["SendOnChange"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert 0 < mapping["MaximumRetryAttempts"] <= 5
    assert mapping["DestinationConfig"]["OnFailure"]


def test_stream_calls_for_rows_with_a_dirty_mark_only() -> None:
    mapping = resources("AWS::Lambda::EventSourceMapping")["SendOnChange"]
    (only,) = mapping["FilterCriteria"]["Filters"]
    pattern = json.loads(only["Pattern"])
    assert pattern["dynamodb"] == {"NewImage": {"dirty_link": {"S": [{"exists": True}]}}}


def test_flows_do_not_wait_for_each_other() -> None:
    mapping = resources("AWS::Lambda::EventSourceMapping")["RunOnMessage"]
    assert mapping["BatchSize"] == 1


def test_sweep_runs_every_minute() -> None:
    schedule = resources("AWS::Scheduler::Schedule")["EveryMinute"]
    assert schedule["ScheduleExpression"] == "rate(1 minute)"


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_function_logs_into_its_own_group_for_the_days_asked_for(folder: str) -> None:
    name = BY_FOLDER[folder][1]["LoggingConfig"]["LogGroup"]["Ref"]
    group = resources("AWS::Logs::LogGroup")[name]
    assert group["LogGroupName"] == {"Fn::Sub": f"/tieline/${{WorkspaceName}}/{folder}"}
    assert group["RetentionInDays"] == {"Ref": "RetentionDays"}
    logs = next(each for each in _allowed(folder) if set(each["Action"]) == LOGS)
    assert logs["Resource"] == [{"Fn::Sub": f"${{{name}.Arn}}:*"}]


def test_stages_are_throttled() -> None:
    for name, stage in resources("AWS::ApiGatewayV2::Stage").items():
        assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0, name


def test_posts_go_to_their_function_and_all_else_to_the_api() -> None:
    routes = resources("AWS::ApiGatewayV2::Route")
    keys = {each["RouteKey"] for each in routes.values() if each["ApiId"] == {"Ref": "HttpApi"}}
    assert keys == {"POST /api/latest/sync_config/{name}/sync", "$default"}


def test_every_alarm_is_explained() -> None:
    text = (ROOT_DOCS / "operations.md").read_text()
    for name in resources("AWS::CloudWatch::Alarm"):
        assert f"`{name}`" in text, name


def test_template_asks_for_no_tracer_and_no_named_iam() -> None:
    text = json.dumps(template())
    assert "Tracing" not in text
    assert "RoleName" not in text


def test_parameters_and_outputs_are_those_promised() -> None:
    assert {"WorkspaceName", "Architecture", "RetentionDays", "LogLevel"} <= set(
        template()["Parameters"]
    )
    assert {"ApiUrl", "SyncUrl", "BellUrl"} <= set(template()["Outputs"])


def test_metrics_of_alarms_and_dashboard_are_written_by_a_function() -> None:
    sources = "".join((FUNCTION_FOLDERS / folder / "app.py").read_text() for folder in FUNCTIONS)
    body = resources("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"]
    shown = set(re.findall(r'\["Tieline", "(\w+)"', body))
    alarms = resources("AWS::CloudWatch::Alarm").values()
    shown |= {each["MetricName"] for each in alarms if each.get("Namespace") == "Tieline"}
    assert shown
    for name in shown:
        assert f'"{name}"' in sources, name


def test_metrics_have_no_dimension_per_link() -> None:
    for folder in FUNCTIONS:
        text = (FUNCTION_FOLDERS / folder / "app.py").read_text()
        assert "add_dimension" not in text
        assert "default_dimensions" not in text
