"""Executions over the REST interface."""

import json
from datetime import timedelta

import pytest

from fakes import START, make_workspace, public_text
from rest_client import RestClient
from tieline.operations.manage_tokens import Role, create_token
from tieline.operations.records import Versioned, load_execution
from tieline.operations.workspace import write_executions
from tieline.protocol.execution import Control, Execution, Run
from tieline.protocol.execution import Role as Part
from tieline.protocol.ids import new_id
from tieline.protocol.states import Desired, Status, StatusCode

SCRIPT = "def handler(system, this):\n    return 1\n"
URL = "https://cloud.example/api/latest/sync_config/factory/sync"


@pytest.fixture
def api():
    client = RestClient(make_workspace())
    client.post("/flow", {"name": "f", "script": SCRIPT})
    return client


def start(api, **fields):
    api.workspace.clock.advance(1)
    reply = api.post("/execution", {"flow_name": "f", **fields})
    assert reply.status == 201, reply.text
    return reply.json


def link(api, name="factory"):
    fields = {"is_enabled": True, "remote_url": URL, "remote_public_key": public_text("peer")}
    reply = api.post("/sync_config", {"name": name, **fields})
    assert reply.status == 201, reply.text
    return reply.json["id"]


def put(api, role=Part.LOCAL, *, run=None, **fields):
    clock = api.workspace.clock
    clock.advance(1)
    execution = Execution(
        id=new_id(clock.now(), clock.random_bytes(10)),
        role=role,
        created_at=clock.now(),
        control=Control(flow_name="f"),
        run=run or Run(status=Status.RUNNING),
        **fields,
    )
    write_executions(api.workspace, [Versioned(execution)])
    return execution.id


def listed(reply):
    return [item["id"] for item in reply.json["items"]]


def test_started_execution_is_shown_and_handed_to_the_runner(api):
    made = start(api, input_value={"b": 1, "a": 2}, name="run 1")
    assert made == {
        "id": made["id"],
        "name": "run 1",
        "type": "FLOW",
        "flow_name": "f",
        "role": "local",
        "origin": "local",
        "remote_workspace_name": None,
        "parent_execution_id": None,
        "input_value": {"b": 1, "a": 2},
        "desired": "run",
        "note": None,
        "created_at": "2026-05-04T12:00:01.000000Z",
        "status": "PENDING",
        "status_code": None,
        "message": None,
        "output_value": None,
        "started_at": None,
        "ended_at": None,
        "log_length": 0,
        "children_count": 0,
    }
    assert list(made["input_value"]) == ["b", "a"]
    assert api.workspace.runner.starts == [made["id"]]
    assert api.get(f"/execution/{made['id']}").json == made


def test_limits_of_a_start_are_kept(api):
    made = start(api, max_runtime_minutes=1.5)
    control = load_execution(api.workspace.store, made["id"]).execution.control
    assert control.max_runtime_seconds == 90


def test_who_asked_is_kept(api):
    token = create_token(api.workspace, "ci", Role.USER).text
    made = RestClient(api.workspace, None, token=token).post("/execution", {"flow_name": "f"}).json
    control = load_execution(api.workspace.store, made["id"]).execution.control
    assert control.requested_by == "ci"


def test_remote_start_names_the_workspace_that_runs_it(api):
    link(api)
    made = start(api, remote_workspace_name="factory", not_after_seconds=60)
    assert (made["role"], made["remote_workspace_name"]) == ("controller", "factory")
    control = load_execution(api.workspace.store, made["id"]).execution.control
    assert control.not_after == START + timedelta(seconds=61)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"flow_name": ""}, "flow_name"),
        ({"flow_name": None}, "flow_name"),
        ({"flow_name": "f", "max_runtime_minutes": 0}, "max_runtime_minutes"),
        ({"flow_name": "f", "max_runtime_minutes": "1"}, "max_runtime_minutes"),
        ({"flow_name": "f", "not_after_seconds": -1}, "not_after_seconds"),
        ({"flow_name": "f", "status": "ENDED_SUCCESS"}, "status"),
    ],
)
def test_bad_field_of_a_start_is_named(api, fields, named):
    reply = api.post("/execution", fields)
    assert (reply.status, reply.field) == (422, named)
    assert api.workspace.runner.starts == []


def test_start_of_an_unknown_flow_is_not_found(api):
    assert api.post("/execution", {"flow_name": "no"}).status == 404


def test_start_behind_an_unknown_link_is_not_found(api):
    reply = api.post("/execution", {"flow_name": "f", "remote_workspace_name": "no"})
    assert (reply.status, reply.json["code"]) == (404, "unknown-link")


def test_newest_execution_is_listed_first_and_pages_go_on(api):
    ids = [start(api)["id"] for _ in range(5)]
    first = api.get("/execution", limit=2).json
    assert [item["id"] for item in first["items"]] == [ids[4], ids[3]]
    assert listed(api.get("/execution", limit=2, after=first["next"])) == [ids[2], ids[1]]


def test_list_is_filtered_by_status(api):
    start(api)
    ended = put(api, run=Run(status=Status.ENDED_ERROR, status_code=StatusCode.FAILED))
    condition = json.dumps({"field": "status", "op": "in", "value": ["ENDED_ERROR"]})
    assert listed(api.get("/execution", filter=condition)) == [ended]


def test_children_are_listed_by_their_parent(api):
    parent = put(api)
    children = [put(api, parent_id=parent) for _ in range(2)]
    put(api)
    assert listed(api.get("/execution", parent_id=parent)) == children[::-1]


def test_what_a_flow_started_elsewhere_shows_on_demand(api):
    link_id = link(api)
    parent = put(api)
    child = put(api, Part.CONTROLLER, link_id=link_id, parent_id=parent)
    assert listed(api.get("/execution")) == [parent]
    assert listed(api.get("/execution", all="true")) == [parent, child]
    assert listed(api.get("/execution", parent_id=parent)) == [child]


@pytest.mark.parametrize(
    ("role", "origin", "remote"),
    [
        (Part.LOCAL, "local", None),
        (Part.CONTROLLER, "local", "factory"),
        (Part.EXECUTOR, "remote: factory", None),
        (Part.REPORTED, "remote: factory", None),
        (Part.OBSERVED, "remote: factory", "factory"),
    ],
)
def test_view_tells_who_asked_and_who_runs(api, role, origin, remote):
    link_id = link(api)
    execution_id = put(api, role, link_id=None if role == Part.LOCAL else link_id)
    shown = api.get(f"/execution/{execution_id}").json
    assert (shown["origin"], shown["remote_workspace_name"]) == (origin, remote)


def test_link_name_is_shown_in_lists_too(api):
    link_id = link(api)
    put(api, Part.EXECUTOR, link_id=link_id)
    put(api, Part.EXECUTOR, link_id=link_id)
    items = api.get("/execution").json["items"]
    assert [item["origin"] for item in items] == ["remote: factory"] * 2


@pytest.mark.parametrize(
    ("verb", "desired"), [("cancel", "cancel"), ("pause", "pause"), ("resume", "run")]
)
def test_wish_is_accepted_and_recorded(api, verb, desired):
    execution_id = put(api)
    reply = api.post(f"/execution/{execution_id}/{verb}")
    assert (reply.status, reply.json["desired"]) == (202, desired)


def test_pause_can_be_taken_back_and_a_cancel_cannot(api):
    execution_id = put(api)
    for verb, desired in (("pause", "pause"), ("resume", "run"), ("cancel", "cancel")):
        assert api.post(f"/execution/{execution_id}/{verb}").json["desired"] == desired
    assert api.post(f"/execution/{execution_id}/resume").json["desired"] == Desired.CANCEL


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/execution/no"),
        ("GET", "/execution/no/log"),
        ("POST", "/execution/no/cancel"),
        ("POST", "/execution/no/pause"),
        ("POST", "/execution/no/resume"),
    ],
)
def test_unknown_execution_is_not_found(api, method, path):
    assert api.request(method, path).status == 404


def test_empty_log_is_given(api):
    made = start(api)
    part = api.get(f"/execution/{made['id']}/log", **{"from": 0}).json
    assert part == {"from": 0, "data": "", "length": 0, "is_truncated": False}


@pytest.mark.parametrize(
    ("query", "named"),
    [({"from": -1}, "from"), ({"from": "x"}, "from"), ({"limit": 0}, "limit")],
)
def test_bad_part_of_a_log_is_named(api, query, named):
    made = start(api)
    reply = api.get(f"/execution/{made['id']}/log", **query)
    assert (reply.status, reply.field) == (422, named)
