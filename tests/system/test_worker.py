"""The run_flow function with real flow processes, as moto's cloud calls it.

In a process of its own: the worker hides itself, and opens things once per process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]

SCRIPT = """
import glob, os

def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""

def handler(system, this, inputs):
    secret = inputs["secret"][::-1].encode()
    return {
        "environment": sorted(os.environ),
        "parent": os.getppid(),
        "zygote_knows": secret in read(f"/proc/{os.getppid()}/environ"),
        "own_knows": secret in read("/proc/self/environ"),
    }
"""

PROGRAM = """
import ctypes, json, os, sys
sys.path[:0] = [sys.argv[1]]
import boto3
from contract.aws import local_cloud
from lambda_functions import load, sample
from tieline.adapters.dynamodb_table import table_request
from tieline.bootstrap_lambda import open_here, open_processes_here
from tieline.operations.manage_resources import create_resource
from tieline.operations.records import load_execution
from tieline.operations.start_execution import Request, start_execution

class Context:
    function_name = invoked_function_arn = aws_request_id = "worker"
    memory_limit_in_mb = 1769
    def get_remaining_time_in_millis(self):
        return int(sys.argv[4])

with local_cloud():
    boto3.client("dynamodb").create_table(**table_request("table"))
    os.environ["TIELINE_QUEUE_URL"] = boto3.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    load("api").handle(sample("api/make_token"), open_here())
    create_resource(open_here(), "flow", "flow", sys.argv[2])
    request = Request(flow_name="flow", input_value={"secret": sys.argv[3][::-1]})
    started = start_execution(open_here(), request)
    event = sample("run_flow/run")
    event["Records"][0]["body"] = json.dumps({"run": started.id})
    result = load("run_flow").lambda_handler(event, Context())
    run = load_execution(open_here().store, started.id).execution.run
    print(json.dumps({
        "result": result, "status": run.status, "code": run.status_code, "message": run.message,
        "output": run.output_value, "dumpable": ctypes.CDLL(None).prctl(3, 0, 0, 0, 0),
        "zygote": open_processes_here().zygote_pid,
    }), file=sys.stderr)
    open_processes_here().close()
"""

SECRET = "do-not-tell-the-flow"


def _work(tmp_path: Path, script: str, milliseconds: int = 900_000) -> Any:
    environment = {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(tmp_path),
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": SECRET,
        "AWS_DEFAULT_REGION": "eu-west-1",
        "TIELINE_WORKSPACE_NAME": "factory",
        "TIELINE_TABLE": "table",
        "TIELINE_KEY_SECRET": "tieline/factory",
        "TIELINE_BLOB_BUCKET": "bucket",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(TESTS), script, SECRET, str(milliseconds)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stderr.splitlines()[-1])


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Gives what came of a flow that looks for the function's credentials."""
    return _work(tmp_path_factory.mktemp("worker"), SCRIPT)


def test_flow_runs_in_a_process_of_its_own(worked: Any) -> None:
    assert (worked["result"], worked["status"]) == ({"batchItemFailures": []}, "ENDED_SUCCESS")
    assert worked["output"]["parent"] == worked["zygote"]


def test_flow_has_no_credentials_in_its_environment(worked: Any) -> None:
    assert not [name for name in worked["output"]["environment"] if name.startswith("AWS")]
    assert not worked["output"]["own_knows"]
    assert not worked["output"]["zygote_knows"]


def test_worker_hides_its_own_environment_from_processes_of_its_user(worked: Any) -> None:
    assert worked["dumpable"] == 0


def test_flow_that_outlives_its_worker_ends_as_timeout(tmp_path: Path) -> None:
    script = "def handler(system, this, inputs):\n    while True:\n        this.log('on')\n"
    worked = _work(tmp_path, script, milliseconds=31_000)
    assert (worked["status"], worked["code"]) == ("ENDED_ERROR", "timeout")
    assert worked["message"] == "did not end within the 1 seconds that this host gives a flow"
