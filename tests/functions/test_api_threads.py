"""Requests that are served at the same time do not see each other.

Powertools keeps the event on a class; these tests fail when `api.resolver` leaves it there.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

from fakes import make_workspace
from rest_client import RestClient
from tieline.adapters.memory_store import MemoryStore
from tieline.api.app import build_resolver
from tieline.operations.manage_tokens import LOCAL_ADMIN, Principal, Role

WAIT_SECONDS = 20
"""Longer than any machine needs to start two threads; only a broken test waits for it."""


class MeetingStore(MemoryStore):
    """A store in which readers wait for each other, so that requests are in it together."""

    barrier: threading.Barrier | None = None

    def get(self, kind, row_id):
        if self.barrier is not None:
            self.barrier.wait(WAIT_SECONDS)
        return super().get(kind, row_id)


def meeting_workspaces(names):
    barrier = threading.Barrier(len(names))
    stores = {name: MeetingStore() for name in names}
    made = [make_workspace(name=name, epoch=n, store=stores[name]) for n, name in enumerate(names)]
    for store in stores.values():
        store.barrier = barrier
    return made


def test_each_request_is_answered_from_its_own_workspace():
    names = ["a", "b", "c", "d"]
    clients = [RestClient(each) for each in meeting_workspaces(names)]
    with ThreadPoolExecutor(len(names)) as pool:
        replies = list(pool.map(lambda client: client.get("/workspace").json, clients))
    assert [(reply["name"], reply["epoch"]) for reply in replies] == [
        (name, n) for n, name in enumerate(names)
    ]


def test_each_request_keeps_its_own_path_and_answer():
    (workspace,) = meeting_workspaces(["a"])
    workspace.store.barrier = None
    client = RestClient(workspace)
    ids = [client.post("/setting", {"name": f"s{n}", "value": n}).json["id"] for n in range(4)]
    workspace.store.barrier = threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda row_id: client.get(f"/setting/{row_id}").json, ids))
    assert [reply["value"] for reply in replies] == [0, 1, 2, 3]


def test_right_of_one_request_is_not_lent_to_another():
    workspaces = meeting_workspaces(["a", "b"])
    viewer = Principal(name="v", role=Role.VIEWER)
    clients = [RestClient(workspaces[0], LOCAL_ADMIN), RestClient(workspaces[1], viewer)]

    def read_then_write(client):
        client.get("/workspace")
        return client.post("/setting", {"name": "x"}).status

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(read_then_write, clients)) == [201, 403]


def test_many_requests_in_few_threads_are_all_answered_right():
    workspace = make_workspace()
    client = RestClient(workspace)

    def work(n):
        made = client.post("/setting", {"name": f"s{n}", "value": n})
        found = client.get(f"/setting/s{n}")
        return made.status, found.json["value"], client.get(f"/none/{n}").status

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(200))) == [(201, n, 404) for n in range(200)]


def test_nothing_of_a_request_is_left_behind():
    workspace = make_workspace()
    RestClient(workspace).get("/workspace")
    stranger = RestClient(workspace, None)
    assert stranger.get("/workspace").status == 401


def test_every_route_is_ready_before_the_first_request():
    # Two first requests at once would wrap the route's function twice.
    resolver = build_resolver()
    routes = (*resolver._static_routes, *resolver._dynamic_routes)
    assert len(routes) > 30
    assert all(route._middleware_stack_built for route in routes)
