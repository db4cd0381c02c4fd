"""What cannot be answered is answered as a problem document."""

import json
import logging

import pytest

from fakes import make_workspace
from rest_client import RestClient
from tieline.api.app import handle_event
from tieline.api.binding import MAX_BODY_BYTES
from tieline.embedded.bridge import to_event
from tieline.errors import StoreUnavailableError
from tieline.operations.manage_tokens import LOCAL_ADMIN


class BrokenStore:
    """A store whose every use is a programming mistake."""

    def __getattr__(self, name):
        raise ZeroDivisionError("secret detail")


@pytest.fixture
def api():
    return RestClient(make_workspace())


def test_problem_has_the_members_of_the_rfc(api):
    reply = api.post("/flow", {"name": 5, "script": ""})
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json
    assert problem.pop("detail")
    assert problem == {
        "type": "about:blank",
        "title": "Unprocessable Entity",
        "status": 422,
        "code": "invalid-field",
        "field": "name",
    }


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"1",
        b"null",
        b'"x"',
        b"\xff",
        b'{"name": NaN}',
        b'{"name": Infinity}',
        b'{"a": ' + b"[" * 200_000,
        b'{"a": ' + b"1" * 5000 + b"}",
        b"{} {}",
    ],
)
def test_body_that_is_no_json_object_is_malformed(api, body):
    reply = api.request("POST", "/flow", body)
    assert (reply.status, reply.json["code"]) == (400, "malformed")


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "a", "value": "\\ud800"}',
        b'{"name": "a", "value": ' + b"[" * 80 + b"]" * 80 + b"}",
    ],
)
def test_value_that_is_no_value_here_is_named(api, body):
    reply = api.request("POST", "/setting", body)
    assert (reply.status, reply.field) == (422, "value")


def test_name_of_a_member_that_is_no_text_is_answered_as_text(api):
    assert api.request("POST", "/setting", b'{"\\ud800": 1}').status == 422


def test_body_said_to_be_base64_must_be(api):
    event = to_event("POST", "/api/latest/flow", b"", [], b"x", "127.0.0.1")
    event["isBase64Encoded"] = True
    assert handle_event(api.workspace, event, LOCAL_ADMIN)["statusCode"] == 400


def test_base64_body_is_read(api):
    event = to_event("POST", "/api/latest/setting", b"", [], b"", "127.0.0.1")
    event |= {"body": "eyJuYW1lIjogImEifQ==", "isBase64Encoded": True}
    assert handle_event(api.workspace, event, LOCAL_ADMIN)["statusCode"] == 201


def test_body_at_its_cap_is_read_and_one_byte_more_is_not(api):
    frame = len(b'{"name": "a", "script": ""}')
    for extra, status in ((0, 422), (1, 413)):
        script = b"#" * (MAX_BODY_BYTES - frame + extra)
        reply = api.request("POST", "/flow", b'{"name": "a", "script": "' + script + b'"}')
        assert reply.status == status


def test_large_body_is_refused_even_where_none_is_read(api):
    assert api.request("DELETE", "/flow/x", b"x" * (MAX_BODY_BYTES + 1)).status == 413


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/", "", "//", "//api/latest/flow", "/flow/a/b", "/execution/x/no", "/flow/"],
)
def test_unknown_path_is_not_found(api, path):
    reply = api.get(path)
    assert (reply.status, reply.json["code"]) == (404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/flow", "GET, POST"),
        ("POST", "/flow/x", "DELETE, GET, PATCH"),
        ("PATCH", "/execution/x", "GET"),
        ("GET", "/execution/x/cancel", "POST"),
        ("PATCH", "/token/x", "DELETE, GET"),
        ("HEAD", "/flow", "GET, POST"),
        ("OPTIONS", "/flow", "GET, POST"),
        ("POST", "/alive", "GET"),
    ],
)
def test_wrong_method_is_told_the_right_ones(api, method, path, allowed):
    reply = api.request(method, path)
    assert (reply.status, reply.headers["allow"]) == (405, allowed)


def test_signed_posts_of_peers_are_not_served_here(api):
    assert api.post("/sync_config/factory/sync", {}).status == 404


def test_store_that_is_busy_asks_to_try_again(api):
    api.workspace.store.refuse_writes(StoreUnavailableError("disk full at /somewhere"))
    reply = api.post("/setting", {"name": "a"})
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")
    assert "somewhere" not in reply.text


def test_mistake_of_ours_is_logged_and_not_shown(caplog):
    healthy = make_workspace()
    broken = RestClient(
        type(healthy)(
            **{
                name: getattr(healthy, name)
                for name in type(healthy).__dataclass_fields__
                if name != "store"
            },
            store=BrokenStore(),
        )
    )
    with caplog.at_level(logging.ERROR):
        reply = broken.get("/ready")
    assert (reply.status, reply.json["code"]) == (500, "internal")
    assert "secret detail" not in reply.text
    assert [record.action for record in caplog.records] == ["request_failed"]
    assert "secret detail" in caplog.text


def test_readiness_follows_the_store_and_life_does_not(api):
    api.workspace.store.close()
    assert api.get("/ready").status == 503
    assert api.get("/alive").status == 200


def test_answers_are_never_cached(api):
    for path in ("/flow", "/flow/none", "/alive"):
        assert api.get(path).headers["cache-control"] == "no-store"


def test_workspace_tells_who_it_is(api):
    shown = api.get("/workspace").json
    assert (shown["name"], shown["epoch"]) == ("here", 1)
    assert shown["public_key"].startswith("-----BEGIN PUBLIC KEY-----")
    assert len(shown["fingerprint"]) == 43


def test_document_describes_bodies_parameters_and_problems(api):
    document = api.get("/openapi.json").json
    post = document["paths"]["/api/latest/sync_config"]["post"]
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    body = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    assert body["properties"]["own_private_key"]["writeOnly"] is True
    assert post["summary"] == "Creates a sync config"
    assert "application/problem+json" in post["responses"]["default"]["content"]
    listed = document["paths"]["/api/latest/execution"]["get"]["parameters"]
    assert [each["name"] for each in listed] == ["limit", "after", "filter", "parent_id", "all"]
    assert document["security"] == [{"token": []}]
    assert document["paths"]["/alive"]["get"]["security"] == []
    assert json.dumps(document)
