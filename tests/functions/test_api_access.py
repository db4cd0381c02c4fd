"""Who may call what: tokens, roles, and one row per route and role."""

from datetime import timedelta

import pytest

from fakes import make_workspace, public_text
from rest_client import RestClient
from tieline.operations.manage_tokens import Role, create_token
from tieline.operations.records import TOKEN

ADMIN, USER, VIEWER = Role.ORGANIZATION_ADMIN, Role.USER, Role.VIEWER
ALL, WORKERS, ADMINS = (ADMIN, USER, VIEWER), (ADMIN, USER), (ADMIN,)

READABLE = ["flow", "setting", "file", "execution"]
ROUTES = [
    *((("GET", f"/{kind}"), ALL) for kind in READABLE),
    *((("GET", f"/{kind}/x"), ALL) for kind in READABLE),
    *((("POST", f"/{kind}"), WORKERS) for kind in READABLE),
    *((("PATCH", f"/{kind}/x"), WORKERS) for kind in READABLE[:3]),
    *((("DELETE", f"/{kind}/x"), WORKERS) for kind in READABLE[:3]),
    (("GET", "/execution/x/log"), ALL),
    (("POST", "/execution/x/cancel"), WORKERS),
    (("POST", "/execution/x/pause"), WORKERS),
    (("POST", "/execution/x/resume"), WORKERS),
    (("GET", "/workspace"), ALL),
    *(
        (route, ADMINS)
        for kind in ("sync_config", "token")
        for route in (
            ("GET", f"/{kind}"),
            ("GET", f"/{kind}/x"),
            ("POST", f"/{kind}"),
            ("DELETE", f"/{kind}/x"),
        )
    ),
    (("PATCH", "/sync_config/x"), ADMINS),
    (("GET", "/sync_config/x/status"), ADMINS),
    (("POST", "/sync_config/x/test"), ADMINS),
]
MATRIX = [(*route, role, role in allowed) for route, allowed in ROUTES for role in Role]
PUBLIC = ["/alive", "/ready", "/openapi.json"]


@pytest.fixture
def workspace():
    return make_workspace()


def as_role(workspace, role):
    return RestClient(workspace, None, token=create_token(workspace, f"t-{role}", role).text)


@pytest.mark.parametrize(("method", "path", "role", "is_allowed"), MATRIX)
def test_route_answers_exactly_the_roles_of_the_table(workspace, method, path, role, is_allowed):
    reply = as_role(workspace, role).request(method, path)
    # What is allowed fails later, for want of a body or a record.
    assert (reply.status != 403) is is_allowed
    assert reply.status in (200, 403, 404, 422)


def test_table_of_this_test_knows_every_route_of_the_document(workspace):
    document = RestClient(workspace).get("/openapi.json").json
    documented = {
        (method.upper(), path.removeprefix("/api/latest"))
        for path, operations in document["paths"].items()
        for method in operations
    }
    for name in ("name", "path", "execution_id"):
        documented = {(method, path.replace(f"{{{name}}}", "x")) for method, path in documented}
    tested = {route for route, _ in ROUTES} | {("GET", "/alive"), ("GET", "/ready")}
    assert documented == tested


def test_refusal_names_the_role_that_is_needed(workspace):
    reply = as_role(workspace, VIEWER).post("/flow", {"name": "a", "script": ""})
    assert (reply.status, reply.json["code"]) == (403, "forbidden")
    assert "role user" in reply.json["detail"]


@pytest.mark.parametrize(("method", "path"), [route for route, _ in ROUTES])
def test_nothing_but_public_paths_is_answered_without_a_token(workspace, method, path):
    reply = RestClient(workspace, None).request(method, path)
    assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("path", PUBLIC)
def test_public_paths_need_no_token(workspace, path):
    assert RestClient(workspace, None).get(path).status == 200


def test_token_is_shown_once_and_never_again(workspace):
    admin = RestClient(workspace)
    made = admin.post("/token", {"name": "ci", "role": "user"})
    assert made.status == 201
    text = made.json["token"]
    assert text.startswith(f"tieline_{made.json['id']}_")
    assert len(text.rsplit(f"{made.json['id']}_", 1)[1]) == 43
    later = admin.get("/token").text + admin.get("/token/ci").text
    assert text[-43:] not in later
    assert "hash" not in later
    assert text[-43:] not in workspace.store.get(TOKEN, made.json["id"]).body


def test_token_lives_a_year_unless_said_otherwise(workspace):
    admin = RestClient(workspace)
    assert admin.post("/token", {"name": "a", "role": "user"}).json["expires_at"] == (
        "2027-05-04T12:00:00.000000Z"
    )
    short = admin.post("/token", {"name": "b", "role": "user", "expires_in_days": 1})
    assert short.json["expires_at"] == "2026-05-05T12:00:00.000000Z"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "a"}, "role"),
        ({"name": "a", "role": "root"}, "role"),
        ({"name": "", "role": "user"}, "name"),
        ({"name": "a/b", "role": "user"}, "name"),
        ({"name": "a", "role": "user", "expires_in_days": 0}, "expires_in_days"),
        ({"name": "a", "role": "user", "expires_in_days": 3651}, "expires_in_days"),
        ({"name": "a", "role": "user", "expires_in_days": 1.5}, "expires_in_days"),
    ],
)
def test_bad_field_of_a_token_is_named(workspace, body, field):
    reply = RestClient(workspace).post("/token", body)
    assert (reply.status, reply.field) == (422, field)


def test_two_tokens_cannot_have_one_name(workspace):
    admin = RestClient(workspace)
    admin.post("/token", {"name": "ci", "role": "user"})
    assert admin.post("/token", {"name": "ci", "role": "user"}).status == 409


def test_token_works_until_it_expires(workspace):
    text = create_token(workspace, "ci", USER, 1).text
    client = RestClient(workspace, None, token=text)
    workspace.clock.advance(timedelta(days=1).total_seconds() - 1)
    assert client.get("/flow").status == 200
    workspace.clock.advance(1)
    assert client.get("/flow").status == 401


def test_revoked_token_is_refused_at_once(workspace):
    client = as_role(workspace, USER)
    assert client.get("/flow").status == 200
    assert RestClient(workspace).delete("/token/t-user").status == 204
    assert client.get("/flow").status == 401


def test_use_of_a_token_writes_nothing(workspace):
    client = as_role(workspace, USER)
    row = workspace.store.get_by_name(TOKEN, "t-user")
    client.get("/flow")
    assert workspace.store.get_by_name(TOKEN, "t-user") == row


def wrong_tokens(text):
    prefix, token_id, secret = text.split("_", 2)
    return [
        "",
        "x",
        "_".join(["tieline", token_id]),
        "_".join([prefix, token_id, ""]),
        "_".join([prefix, token_id, secret[:-1]]),
        "_".join([prefix, token_id, secret + "A"]),
        "_".join([prefix, token_id, secret.swapcase()]),
        "_".join([prefix, "019df2dc-0a00-738c-90b1-c70b4ea07235", secret]),
        "_".join(["other", token_id, secret]),
        text + "\u00e9",
        "tieline_ci_" + secret,
    ]


def test_every_wrong_token_gets_the_same_answer(workspace):
    text = create_token(workspace, "ci", USER).text
    assert RestClient(workspace, None, token=text).get("/flow").status == 200
    answers = {
        (reply.status, reply.text)
        for reply in (
            RestClient(workspace, None, token=wrong).get("/flow") for wrong in wrong_tokens(text)
        )
    }
    assert len(answers) == 1
    assert next(iter(answers))[0] == 401


def test_hash_of_a_secret_is_no_secret(workspace):
    made = create_token(workspace, "ci", USER)
    forged = f"tieline_{made.token.id}_{made.token.secret_hash}"
    assert RestClient(workspace, None, token=forged).get("/flow").status == 401


def test_viewer_cannot_see_links(workspace):
    admin = RestClient(workspace)
    admin.post("/sync_config", {"name": "a", "remote_public_key": public_text("peer")})
    reply = as_role(workspace, USER).get("/sync_config/a")
    assert reply.status == 403
    assert "fingerprint" not in reply.text
