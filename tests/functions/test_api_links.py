"""Sync configs over the REST interface: what is saved, refused, and never shown."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fakes import START, make_workspace, private_pem, public_text
from rest_client import RestClient
from tieline.errors import KeyMissingError, StoreUnavailableError
from tieline.operations.records import (
    LINK,
    SYNC_CONFIG,
    Versioned,
    link_row,
    load_config,
    load_execution,
)
from tieline.operations.workspace import write_executions
from tieline.ports import Put
from tieline.protocol.execution import Control, Execution, Mark, Role, Run
from tieline.protocol.ids import new_id
from tieline.protocol.keys import load_private_key, public_pem, thumbprint
from tieline.protocol.link import LinkState
from tieline.protocol.states import Desired, Status, StatusCode

URL = "https://cloud.example/api/latest/sync_config/factory/sync"


@pytest.fixture
def api():
    client = RestClient(make_workspace())
    yield client
    answers = "".join(client.seen)
    assert "-----END" not in answers, "not even the frame of a PEM"
    for owner in ("here", "own", "other"):
        body = private_pem(owner).decode().splitlines()[3]
        assert body not in answers
    peer = public_text("peer").splitlines()[1]
    assert peer not in answers, "the peer's public key is write-only as well"


def print_of(owner):
    return thumbprint(load_private_key(private_pem(owner)).public_key())


def add(api, name="factory", **fields):
    reply = api.post("/sync_config", {"name": name, **fields})
    assert reply.status == 201, reply.text
    return reply.json


def config_of(api, name="factory"):
    return load_config(api.workspace.store, name)


def test_new_sync_config_has_its_defaults(api):
    made = add(api)
    assert made.pop("id")
    assert made == {
        "name": "factory",
        "path": "/api/latest/sync_config/factory/sync",
        "is_enabled": False,
        "remote_url": "",
        "ca_certificate": "",
        "verify_ssl_certificates": True,
        "pinned_certificate_sha256": "",
        "seal_bodies": False,
        "has_own_key": False,
        "own_fingerprint": print_of("here"),
        "peer_fingerprint": "",
        "send_all_executions": False,
        "sync_interval": None,
        "control": "auto",
        "expose_flows": ["*"],
        "expose_settings": [],
        "expose_files": [],
        "writable_settings": [],
        "writable_files": [],
        "max_open_executions": 1000,
        "max_post_bytes": 1048576,
        "not_after_seconds": 86400,
    }


def test_every_field_can_be_set_and_is_given_back(api):
    fields = {
        "is_enabled": True,
        "remote_url": URL,
        "verify_ssl_certificates": False,
        "pinned_certificate_sha256": "ab" * 32,
        "send_all_executions": True,
        "sync_interval": 2.5,
        "control": "both",
        "expose_flows": ["a", "b-*"],
        "expose_settings": ["s"],
        "expose_files": ["f"],
        "writable_settings": ["s"],
        "writable_files": ["f"],
        "max_open_executions": 5,
        "max_post_bytes": 65536,
        "not_after_seconds": 60,
    }
    add(api, remote_public_key=public_text("peer"), **fields)
    shown = api.get("/sync_config/factory").json
    assert {name: shown[name] for name in fields} == fields
    assert shown["peer_fingerprint"] == print_of("peer")


def test_sync_config_is_found_by_id_and_name_and_listed(api):
    made = add(api)
    assert api.get(f"/sync_config/{made['id']}").json == made
    assert api.get("/sync_config").json == {"items": [made], "next": None}


def test_patch_changes_only_what_it_names(api):
    made = add(api, sync_interval=5, remote_public_key=public_text("peer"))
    changed = api.patch("/sync_config/factory", {"is_enabled": True}).json
    assert changed == {**made, "is_enabled": True}


def test_patch_with_null_unsets_the_interval(api):
    add(api, sync_interval=5)
    assert api.patch("/sync_config/factory", {"sync_interval": None}).json["sync_interval"] is None


def test_host_is_told_of_every_change(api):
    link_id = add(api)["id"]
    api.patch("/sync_config/factory", {"sync_interval": 3})
    api.delete("/sync_config/factory")
    assert api.workspace.hints.links == [link_id] * 3


def test_own_key_is_kept_by_the_keys_port_under_the_links_id(api):
    made = add(api, own_private_key=private_pem("own").decode())
    assert (made["has_own_key"], made["own_fingerprint"]) == (True, print_of("own"))
    kept = api.workspace.keys.load(made["id"])
    assert thumbprint(kept.public_key()) == print_of("own")


def test_empty_own_key_goes_back_to_the_workspaces(api):
    made = add(api, own_private_key=private_pem("own").decode())
    changed = api.patch("/sync_config/factory", {"own_private_key": ""}).json
    assert (changed["has_own_key"], changed["own_fingerprint"]) == (False, print_of("here"))
    with pytest.raises(KeyMissingError):
        api.workspace.keys.load(made["id"])


def test_own_key_stays_when_other_fields_change(api):
    made = add(api, own_private_key=private_pem("own").decode())
    changed = api.patch("/sync_config/factory", {"sync_interval": 4}).json
    assert changed["own_fingerprint"] == made["own_fingerprint"]
    api.workspace.keys.load(made["id"])


def test_key_of_a_link_that_could_not_be_written_is_removed(api):
    api.workspace.store.refuse_writes(StoreUnavailableError("disk full"))
    reply = api.post(
        "/sync_config", {"name": "factory", "own_private_key": private_pem("own").decode()}
    )
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")
    assert list(api.workspace.keys._pems) == ["workspace"]


def test_former_key_comes_back_when_the_change_could_not_be_written(api):
    made = add(api, own_private_key=private_pem("own").decode())
    api.workspace.store.refuse_writes(StoreUnavailableError("disk full"))
    other = private_pem("other").decode()
    assert api.patch("/sync_config/factory", {"own_private_key": other}).status == 503
    kept = api.workspace.keys.load(made["id"])
    assert thumbprint(kept.public_key()) == print_of("own")


def test_key_of_a_refused_link_is_never_saved(api):
    add(api)
    body = {"name": "factory", "own_private_key": private_pem("own").decode()}
    assert api.post("/sync_config", body).status == 409
    assert list(api.workspace.keys._pems) == ["workspace"]


def small_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return private, public_pem(key.public_key())


def curve_key():
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


BAD_FIELDS = [
    ({"name": "Factory"}, "name"),
    ({"name": ""}, "name"),
    ({"name": "x" * 64}, "name"),
    ({"remote_url": "http://cloud.example/api/latest/sync_config/a/sync"}, "remote_url"),
    ({"remote_url": "https://cloud.example"}, "remote_url"),
    ({"remote_url": 5}, "remote_url"),
    ({"sync_interval": 0}, "sync_interval"),
    ({"sync_interval": 0.5}, "sync_interval"),
    ({"sync_interval": "5"}, "sync_interval"),
    ({"control": "all"}, "control"),
    ({"is_enabled": "yes"}, "is_enabled"),
    ({"is_enabled": None}, "is_enabled"),
    ({"is_enabled": True}, "remote_public_key"),
    ({"verify_ssl_certificates": False}, "verify_ssl_certificates"),
    ({"seal_bodies": True}, "seal_bodies"),
    ({"ca_certificate": "no"}, "ca_certificate"),
    ({"pinned_certificate_sha256": "no"}, "pinned_certificate_sha256"),
    ({"expose_flows": "*"}, "expose_flows"),
    ({"expose_flows": [1]}, "expose_flows.0"),
    ({"max_open_executions": 0}, "max_open_executions"),
    ({"max_post_bytes": 1.5}, "max_post_bytes"),
    ({"not_after_seconds": True}, "not_after_seconds"),
    ({"own_private_key": "no"}, "own_private_key"),
    ({"own_private_key": "-----BEGIN PRIVATE KEY-----\nAAAA\n"}, "own_private_key"),
    ({"own_private_key": public_text("peer")}, "own_private_key"),
    ({"own_private_key": small_key()[0]}, "own_private_key"),
    ({"own_private_key": curve_key()}, "own_private_key"),
    ({"own_private_key": "x" * 70_000}, "own_private_key"),
    ({"remote_public_key": "no"}, "remote_public_key"),
    ({"remote_public_key": private_pem("other").decode()}, "remote_public_key"),
    ({"remote_public_key": small_key()[1]}, "remote_public_key"),
    ({"remote_public_key": public_text("here")}, "remote_public_key"),
    (
        {
            "own_private_key": private_pem("own").decode(),
            "remote_public_key": public_text("own"),
        },
        "remote_public_key",
    ),
    ({"peer_thumbprint": "x"}, "peer_thumbprint"),
    ({"own_thumbprint": "x"}, "own_thumbprint"),
    ({"has_own_key": True}, "has_own_key"),
    ({"id": "x"}, "id"),
]


@pytest.mark.parametrize(("fields", "named"), BAD_FIELDS)
def test_bad_field_of_a_new_link_is_named_and_nothing_is_written(api, fields, named):
    reply = api.post("/sync_config", {"name": "factory", **fields})
    assert (reply.status, reply.field) == (422, named)
    assert api.get("/sync_config").json["items"] == []
    assert list(api.workspace.keys._pems) == ["workspace"]


@pytest.mark.parametrize(("fields", "named"), BAD_FIELDS)
def test_bad_field_of_a_change_is_named_and_nothing_is_written(api, fields, named):
    made = add(api)
    reply = api.patch("/sync_config/factory", fields)
    assert (reply.status, reply.field) == (422, named)
    assert api.get("/sync_config/factory").json == made
    assert list(api.workspace.keys._pems) == ["workspace"]


def test_peer_has_one_link_only(api):
    add(api, remote_public_key=public_text("peer"))
    reply = api.post("/sync_config", {"name": "b", "remote_public_key": public_text("peer")})
    assert (reply.status, reply.field) == (422, "remote_public_key")
    add(api, "b")
    reply = api.patch("/sync_config/b", {"remote_public_key": public_text("peer")})
    assert (reply.status, reply.field) == (422, "remote_public_key")
    same = {"remote_public_key": public_text("peer")}
    assert api.patch("/sync_config/factory", same).status == 200


def test_going_back_to_a_key_that_the_peer_has_is_refused(api):
    add(
        api,
        own_private_key=private_pem("own").decode(),
        remote_public_key=public_text("here"),
    )
    reply = api.patch("/sync_config/factory", {"own_private_key": ""})
    assert (reply.status, reply.field) == (422, "remote_public_key")


def test_names_of_links_are_unique(api):
    add(api, "a")
    add(api, "b")
    assert api.post("/sync_config", {"name": "a"}).status == 409
    assert api.patch("/sync_config/b", {"name": "a"}).status == 409


@pytest.mark.parametrize("path", ["/sync_config/no", "/sync_config/no/status"])
def test_unknown_link_is_not_found(api, path):
    reply = api.get(path)
    assert (reply.status, reply.json["code"]) == (404, "unknown-link")


def test_status_tells_what_the_link_remembers(api):
    link_id = add(api, remote_public_key=public_text("peer"), remote_url=URL, is_enabled=True)["id"]
    state = LinkState(
        id=link_id, peer_epoch=7, last_contact_out=START, last_error_reason="tls", failures=2
    )
    api.workspace.store.write([Put(link_row(state, 0))])
    shown = api.get("/sync_config/factory/status").json
    assert shown["is_dialling"] is True
    assert (shown["peer_epoch"], shown["failures"], shown["dirty_count"]) == (7, 2, 0)
    assert shown["last_contact_out"] == "2026-05-04T12:00:00.000000Z"
    assert (shown["last_contact_in"], shown["last_error_reason"]) == (None, "tls")


def test_deleting_removes_key_and_memory_of_the_link(api):
    link_id = add(api, own_private_key=private_pem("own").decode())["id"]
    api.workspace.store.write([Put(link_row(LinkState(id=link_id), 0))])
    assert api.delete("/sync_config/factory").status == 204
    store = api.workspace.store
    assert (store.get(SYNC_CONFIG, link_id), store.get(LINK, link_id)) == (None, None)
    assert list(api.workspace.keys._pems) == ["workspace"]


def put_execution(api, role, status, link_id, parent_id=None):
    clock = api.workspace.clock
    clock.advance(1)
    execution = Execution(
        id=new_id(clock.now(), clock.random_bytes(10)),
        role=role,
        link_id=link_id,
        created_at=clock.now(),
        parent_id=parent_id,
        control=Control(flow_name="f"),
        control_mark=Mark(rev=1, dirty=1) if role == Role.CONTROLLER else Mark(),
        run=Run(status=status, is_listed=role == Role.OBSERVED),
    )
    write_executions(api.workspace, [Versioned(execution)])
    return execution.id


def found(api, execution_id):
    return load_execution(api.workspace.store, execution_id).execution


def test_link_with_open_executions_is_not_deleted(api):
    link_id = add(api)["id"]
    parent = put_execution(api, Role.LOCAL, Status.WAITING, None)
    put_execution(api, Role.CONTROLLER, Status.RUNNING, link_id, parent)
    put_execution(api, Role.CONTROLLER, Status.RUNNING, link_id)
    put_execution(api, Role.EXECUTOR, Status.ENDED_SUCCESS, link_id)
    reply = api.delete("/sync_config/factory")
    assert (reply.status, reply.json["detail"][:2]) == (409, "2 ")
    assert api.get("/sync_config/factory").status == 200


@pytest.mark.parametrize("role", [Role.CONTROLLER, Role.OBSERVED])
def test_forced_delete_ends_what_the_peer_ran_as_lost(api, role):
    link_id = add(api)["id"]
    execution_id = put_execution(api, role, Status.RUNNING, link_id)
    assert api.delete("/sync_config/factory", force="true").status == 204
    lost = found(api, execution_id)
    assert (lost.run.status, lost.run.status_code) == (Status.ENDED_ERROR, StatusCode.LOST)
    assert "'factory'" in (lost.run.message or "")
    assert api.workspace.store.count_dirty(link_id) == 0


@pytest.mark.parametrize("role", [Role.EXECUTOR, Role.REPORTED])
def test_forced_delete_cancels_what_runs_here_for_the_peer(api, role):
    link_id = add(api)["id"]
    execution_id = put_execution(api, role, Status.RUNNING, link_id)
    assert api.delete("/sync_config/factory", force="true").status == 204
    assert found(api, execution_id).control.desired == Desired.CANCEL
    assert found(api, execution_id).run.status == Status.RUNNING
    assert api.workspace.runner.cancels == [execution_id]


def test_forced_delete_ends_what_was_not_started_yet(api):
    link_id = add(api)["id"]
    execution_id = put_execution(api, Role.EXECUTOR, Status.PENDING, link_id)
    api.delete("/sync_config/factory", force="true")
    assert found(api, execution_id).run.status == Status.ENDED_CANCELLED
    assert api.workspace.runner.cancels == []


def test_execution_of_a_deleted_link_is_still_shown(api):
    link_id = add(api)["id"]
    execution_id = put_execution(api, Role.CONTROLLER, Status.RUNNING, link_id)
    api.delete("/sync_config/factory", force="true")
    assert api.get(f"/execution/{execution_id}").json["remote_workspace_name"] == "(deleted link)"


def test_deleting_leaves_other_links_alone(api):
    add(api, "a")
    other = add(api, "b")["id"]
    execution_id = put_execution(api, Role.CONTROLLER, Status.RUNNING, other)
    assert api.delete("/sync_config/a").status == 204
    assert found(api, execution_id).run.status == Status.RUNNING


def test_trying_a_link_tells_the_step_that_fails(api):
    add(api, remote_public_key=public_text("peer"), remote_url=URL, is_enabled=True)
    reply = api.post("/sync_config/factory/test")
    assert (reply.status, reply.json["is_working"]) == (200, False)
    failed = [step for step in reply.json["steps"] if not step["is_ok"]]
    assert "there is no network in this test" in failed[0]["detail"]
