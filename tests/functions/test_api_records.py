"""Flows, settings and files over the REST interface."""

import json

import pytest

from fakes import make_workspace
from rest_client import RestClient
from tieline.operations.workspace import Limits

SCRIPT = "def handler(system, this):\n    return 1\n"
VALUES = {
    "flow": ("script", SCRIPT, "def handler(system, this, inputs):\n    return inputs\n"),
    "setting": ("value", {"b": 1, "a": [None, True, "ü"]}, None),
    "file": ("content", "aGVsbG8=", "aGk="),
}
KINDS = sorted(VALUES)


@pytest.fixture
def api():
    return RestClient(make_workspace())


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def add(api, kind, name, value=None):
    field, first, _ = VALUES[kind]
    reply = api.post(f"/{kind}", {"name": name, field: first if value is None else value})
    assert reply.status == 201, reply.text
    return reply.json


def names(reply):
    return [item["name"] for item in reply.json["items"]]


def test_created_record_is_given_back_whole(api, kind):
    field, value, _ = VALUES[kind]
    made = add(api, kind, "one")
    assert (made["name"], made[field]) == ("one", value)
    assert made["created_at"] == made["updated_at"] == "2026-05-04T12:00:00.000000Z"


def test_record_is_found_by_id_and_by_name(api, kind):
    made = add(api, kind, "one")
    assert api.get(f"/{kind}/one").json == api.get(f"/{kind}/{made['id']}").json == made


def test_key_order_of_a_setting_is_kept(api):
    add(api, "setting", "one", {"z": 1, "a": 2})
    assert list(api.get("/setting/one").json["value"]) == ["z", "a"]


def test_patch_changes_only_what_it_names(api, kind):
    field, value, _ = VALUES[kind]
    made = add(api, kind, "one")
    api.workspace.clock.advance(5)
    changed = api.patch(f"/{kind}/one", {"name": "two"}).json
    assert (changed["id"], changed["name"], changed[field]) == (made["id"], "two", value)
    assert changed["updated_at"] == "2026-05-04T12:00:05.000000Z"
    assert changed["created_at"] == made["created_at"]


def test_patch_changes_the_value(api, kind):
    field, _, other = VALUES[kind]
    add(api, kind, "one")
    assert api.patch(f"/{kind}/one", {field: other}).json[field] == other
    assert api.get(f"/{kind}/one").json[field] == other


def test_old_name_is_free_after_a_rename(api, kind):
    add(api, kind, "one")
    api.patch(f"/{kind}/one", {"name": "two"})
    assert api.get(f"/{kind}/one").status == 404
    add(api, kind, "one")


def test_deleted_record_is_gone(api, kind):
    add(api, kind, "one")
    reply = api.delete(f"/{kind}/one")
    assert (reply.status, reply.text) == (204, "")
    assert api.get(f"/{kind}/one").status == 404
    assert api.delete(f"/{kind}/one").status == 404


def test_second_record_of_a_name_is_a_conflict(api, kind):
    add(api, kind, "one")
    field, value, _ = VALUES[kind]
    assert api.post(f"/{kind}", {"name": "one", field: value}).status == 409
    assert len(api.get(f"/{kind}").json["items"]) == 1


def test_rename_to_a_taken_name_is_a_conflict(api, kind):
    add(api, kind, "one")
    add(api, kind, "two")
    assert api.patch(f"/{kind}/two", {"name": "one"}).status == 409
    assert api.get(f"/{kind}/two").status == 200


@pytest.mark.parametrize(
    "name",
    ["", " a", "a ", "a\nb", "a\u202eb", "x" * 256, "019df2dc-0a00-738c-90b1-c70b4ea07235", ".."],
)
def test_name_that_could_not_be_found_again_is_refused(api, kind, name):
    field, value, _ = VALUES[kind]
    reply = api.post(f"/{kind}", {"name": name, field: value})
    assert (reply.status, reply.field) == (422, "name")


def test_unknown_field_is_refused_by_its_name(api, kind):
    field, value, _ = VALUES[kind]
    reply = api.post(f"/{kind}", {"name": "one", field: value, "size": 3})
    assert (reply.status, reply.field) == (422, "size")


def test_missing_field_is_named(api):
    reply = api.post("/flow", {"name": "one"})
    assert (reply.status, reply.field) == (422, "script")


@pytest.mark.parametrize("name", ["dir/report one.txt", 'a"b', "100%25", "ä?b"])
def test_file_is_found_under_any_percent_encoded_name(api, name):
    made = add(api, "file", name)
    encoded = "".join(f"%{byte:02X}" for byte in name.encode())
    assert api.get(f"/file/{encoded}").json["id"] == made["id"]


def test_file_is_found_with_its_slashes_unescaped(api):
    add(api, "file", "a/b/c")
    assert api.get("/file/a/b/c").json["name"] == "a/b/c"


def test_only_names_of_files_may_hold_a_slash(api):
    assert api.post("/flow", {"name": "a/b", "script": SCRIPT}).field == "name"


@pytest.mark.parametrize(("content", "size"), [("", 0), ("aA==", 1), ("aGk=", 2), ("aGkh", 3)])
def test_size_of_a_file_is_in_decoded_bytes(api, content, size):
    assert api.post("/file", {"name": "f", "content": content}).json["size"] == size


@pytest.mark.parametrize("content", ["a", "aA=", "aA==\n", "a-_=", "ü", "aGk=aGk="])
def test_content_that_is_not_base64_is_refused(api, content):
    reply = api.post("/file", {"name": "f", "content": content})
    assert (reply.status, reply.field) == (422, "content")


def test_script_with_a_syntax_error_is_refused_with_its_place(api):
    reply = api.post("/flow", {"name": "f", "script": "x = 1\ny = = 2\n"})
    assert (reply.status, reply.field) == (422, "script")
    assert "line 2, column 5" in reply.json["detail"]


@pytest.mark.parametrize("script", ["return 1", "x = '\0'", "(" * 5000, "x = " + "-" * 50_000])
def test_script_that_cannot_be_compiled_is_refused(api, script):
    reply = api.post("/flow", {"name": "f", "script": script})
    assert (reply.status, reply.field) == (422, "script")


def test_values_over_their_caps_are_refused():
    limits = Limits(script_bytes=10, value_bytes=10, file_bytes=3)
    api = RestClient(make_workspace(limits=limits))
    assert api.post("/flow", {"name": "a", "script": "#" * 11}).field == "script"
    assert api.post("/setting", {"name": "a", "value": "ü" * 5}).field == "value"
    assert api.post("/file", {"name": "a", "content": "aGVsbG8="}).field == "content"
    assert api.post("/file", {"name": "a", "content": "aGkh"}).status == 201


def test_setting_may_be_set_to_null(api):
    add(api, "setting", "one")
    assert api.patch("/setting/one", {"value": None}).json["value"] is None
    assert api.patch("/setting/one", {"name": "two"}).json["value"] is None


def test_pages_hold_every_record_once_in_order(api):
    for number in range(7):
        api.workspace.clock.advance(1)
        add(api, "setting", f"s{number}")
    found, after = [], {}
    while True:
        page = api.get("/setting", limit=3, **after).json
        found += [item["name"] for item in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert found == [f"s{number}" for number in range(7)]


def test_last_page_that_is_full_has_no_next(api):
    add(api, "setting", "one")
    assert api.get("/setting", limit=1).json["next"] is None


@pytest.mark.parametrize("limit", ["0", "501", "-1", "x", "1.5", ""])
def test_bad_limit_is_refused(api, limit):
    reply = api.get("/setting", limit=limit)
    assert (reply.status, reply.field) == (422, "limit")


def test_bad_cursor_is_refused(api):
    assert api.get("/setting", after="x").field == "after"


def test_unknown_query_parameter_is_refused(api):
    assert api.get("/setting", limt=3).field == "limt"


FILTERS = [
    ({"field": "name", "op": "eq", "value": "b"}, ["b"]),
    ({"field": "name", "op": "ne", "value": "b"}, ["a", "c"]),
    ({"field": "name", "op": "lt", "value": "b"}, ["a"]),
    ({"field": "name", "op": "le", "value": "b"}, ["a", "b"]),
    ({"field": "name", "op": "gt", "value": "b"}, ["c"]),
    ({"field": "name", "op": "ge", "value": "b"}, ["b", "c"]),
    ({"field": "name", "op": "in", "value": ["a", "c"]}, ["a", "c"]),
    ({"field": "value", "op": "contains", "value": "ell"}, ["a"]),
    ({"field": "value", "op": "contains", "value": 2}, ["b"]),
    ({"field": "value", "op": "starts_with", "value": "he"}, ["a"]),
    ({"field": "value", "op": "gt", "value": 5}, ["c"]),
    ({"field": "created_at", "op": "gt", "value": "2026-05-04T14:00:01+02:00"}, ["b", "c"]),
    ({"field": "created_at", "op": "eq", "value": "2026-05-04T12:00:01Z"}, ["a"]),
    (
        [
            {"field": "name", "op": "gt", "value": "a"},
            {"field": "value", "op": "eq", "value": 6},
        ],
        ["c"],
    ),
    ([], ["a", "b", "c"]),
]


@pytest.mark.parametrize(("condition", "expected"), FILTERS)
def test_filter_gives_exactly_what_meets_it(api, condition, expected):
    for name, value in (("a", "hello"), ("b", [1, 2]), ("c", 6)):
        api.workspace.clock.advance(1)
        add(api, "setting", name, value)
    assert names(api.get("/setting", filter=json.dumps(condition))) == expected


@pytest.mark.parametrize(
    "condition",
    [
        "{",
        "1",
        "[1]",
        '{"field": "name", "op": "eq"}',
        '{"field": "secret", "op": "eq", "value": 1}',
        '{"field": "name", "op": "like", "value": 1}',
        '{"field": "name", "op": ["eq"], "value": 1}',
        '{"field": "name", "op": "in", "value": "a"}',
        '{"field": "created_at", "op": "lt", "value": "yesterday"}',
        '{"field": "created_at", "op": "lt", "value": "2026-05-04"}',
        json.dumps([{"field": "name", "op": "eq", "value": 1}] * 21),
        "[" * 100_000,
    ],
)
def test_filter_that_makes_no_sense_is_refused(api, condition):
    reply = api.get("/setting", filter=condition)
    assert (reply.status, reply.field) == (422, "filter")


def test_true_is_not_one_in_a_filter(api):
    add(api, "setting", "a", True)
    add(api, "setting", "b", 1)
    condition = json.dumps({"field": "value", "op": "eq", "value": 1})
    assert names(api.get("/setting", filter=condition)) == ["b"]
