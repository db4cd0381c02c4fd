"""A post or a reply that was changed anywhere on its way does nothing at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from pair.alterations import (
    Altered,
    Headers,
    alter_fields,
    alter_headers,
    fields_of,
    flip_body,
)
from pair.world import Side, World, succeed
from tieline.adapters.loopback_transport import Carried, Fault
from tieline.errors import PeerRefusedError, PeerUnavailableError, ThrottledError
from tieline.operations.receive_post import Answered, Posted, receive_post
from tieline.operations.records import LINK, read_body
from tieline.operations.send_changes import send_changes
from tieline.ports import Answer, Row
from tieline.protocol.link import LinkState

LOG = [{"message": "one"}, {"message": "two"}]
Alter = Callable[[Headers, bytes], Iterator[Altered]]
ALTERATIONS = [alter_headers, flip_body, alter_fields]
ERROR_FIELDS = {"failures", "last_error_at", "last_error_reason", "last_error_detail"}


def _rows(side: Side) -> Mapping[tuple[str, str], Row]:
    # Not by the port: no index of it shows every row.
    return dict(side.store._rows)


@pytest.fixture
def fresh(linked: World, cloud: Side, factory: Side) -> Carried:
    """A post of the factory with every kind of record, which the cloud has not received."""
    linked.run_for(3)
    factory.add_flow("restart", lambda execution: {**succeed("out")(execution), "log": LOG})
    cloud.begin("restart", on="factory", input_value={"host": "m7"})
    linked.network.faults = lambda count: (
        Fault.NONE if not factory.executions() else Fault.DELAY_REQUEST
    )
    linked.run_for(2)
    factory.begin("report", on="cloud", input_value=[1])
    linked.network.late.clear()
    factory.session("cloud").in_flight.forget_all()
    with pytest.raises(PeerUnavailableError):
        send_changes(factory.workspace, _link_id(linked, factory), factory.session("cloud"))
    (_, path, headers, body), *_ = linked.network.late
    linked.network.faults = lambda count: Fault.NONE
    return Carried(path=path, headers=headers, body=body, answer=None)


def _link_id(world: World, side: Side) -> str:
    return next(each.id for (name, _), each in world.configs.items() if name == side.name)


def _post(side: Side, headers: Headers, body: bytes, config: str = "factory") -> Answered:
    return receive_post(side.workspace, Posted(config_name=config, headers=headers, body=body))


REFUSAL = Answered(
    status=401,
    headers={"content-type": "application/json"},
    body=b'{"code":"unauthorized"}',
)


@pytest.mark.parametrize("alter", ALTERATIONS)
def test_altered_post_gets_the_one_refusal_and_changes_no_row(
    cloud: Side, fresh: Carried, alter: Alter
) -> None:
    headers = list(fresh.headers.items())
    before = _rows(cloud)
    tried = 0
    for what, make in alter(headers, fresh.body):
        assert _post(cloud, *make()) == REFUSAL, what
        assert _rows(cloud) == before, what
        tried += 1
    assert tried > 80
    assert _post(cloud, headers, fresh.body).status == 200
    assert _rows(cloud) != before


def test_post_that_is_altered_carries_every_kind_of_field(fresh: Carried) -> None:
    assert fields_of(fresh.body) >= {
        *("v", "link", "from", "to", "epoch", "peer_epoch", "s", "seen", "instance", "ack"),
        *("results", "records", "more", "limits", "n", "wait_ms"),
        *("flow_name", "input_value", "desired", "target_epoch", "not_after"),
        *("status", "output_value", "message", "started_at", "ended_at", "data"),
    }


def test_post_sent_to_another_links_path_gets_the_one_refusal(
    linked: World, cloud: Side, fresh: Carried
) -> None:
    linked.link(linked.add("plant"), cloud)
    before = _rows(cloud)
    assert _post(cloud, list(fresh.headers.items()), fresh.body, config="plant") == REFUSAL
    assert _rows(cloud) == before


def test_post_reflected_to_its_sender_gets_the_one_refusal(factory: Side, fresh: Carried) -> None:
    before = _rows(factory)
    assert _post(factory, list(fresh.headers.items()), fresh.body, config="cloud") == REFUSAL
    assert _rows(factory) == before


def test_post_for_another_workspace_gets_the_one_refusal(
    linked: World, cloud: Side, factory: Side
) -> None:
    linked.run_for(3)
    linked.link(factory, linked.add("plant"))
    linked.network.faults = lambda count: Fault.DELAY_REQUEST
    linked.run_for(0)
    (host, _, headers, body), *_ = linked.network.late
    assert host == "plant"
    before = _rows(cloud)
    assert _post(cloud, list(headers.items()), body) == REFUSAL
    assert _rows(cloud) == before


class Bender:
    """Stands between the factory and the cloud, and bends what the cloud answers."""

    def __init__(self, world: World, cloud: Side, factory: Side) -> None:
        self.world, self.cloud, self.factory = world, cloud, factory
        self.bend: Callable[[Answer], Answer] = lambda answer: answer
        self.last: Answer | None = None
        world.network.attach("cloud", self._serve)

    def _serve(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        # What is on its way already would not be sent again, and all shall be bent.
        self.cloud.session("factory").in_flight.forget_all()
        self.last = self.cloud.serve(path, headers, body)
        return self.bend(self.last)

    def exchange(self) -> None:
        """Makes one exchange from the factory."""
        link_id = _link_id(self.world, self.factory)
        send_changes(self.factory.workspace, link_id, self.factory.session("cloud"))

    def refuse(self, bend: Callable[[Answer], Answer], what: str) -> None:
        """Makes one exchange with a bent reply, which must do nothing."""
        before = _rows(self.factory)
        self.bend = bend
        with pytest.raises((PeerUnavailableError, ThrottledError)) as caught:
            self.exchange()
        assert getattr(caught.value, "code", "") == "", f"{what}: taken for a signed refusal"
        assert _without_errors(_rows(self.factory)) == _without_errors(before), what


def _without_errors(rows: Mapping[tuple[str, str], Row]) -> dict[tuple[str, str], Any]:
    """The rows, but for what a link says about its last failure."""
    found: dict[tuple[str, str], Any] = dict(rows)
    for key, row in rows.items():
        if row.kind == LINK:
            state = read_body(LinkState, row.body)
            found[key] = replace(
                state, **{name: getattr(LinkState(id=""), name) for name in ERROR_FIELDS}
            )
    return found


@pytest.fixture
def bender(linked: World, cloud: Side, factory: Side) -> Bender:
    """The cloud's next reply carries a start, and what a flow there did."""
    linked.run_for(3)
    cloud.add_flow("report", lambda execution: {**succeed("out")(execution), "log": LOG})
    cloud.is_busy = True
    factory.begin("report", on="cloud", input_value=[1])
    linked.run_for(3)
    cloud.run_waiting()
    cloud.begin("restart", on="factory", input_value={"host": "m7"})
    return Bender(linked, cloud, factory)


def _kept(bender: Bender) -> Answer:
    """Gives a whole reply that never arrived."""
    bender.refuse(lambda answer: replace(answer, body=b""), "emptied")
    assert bender.last is not None
    return bender.last


@pytest.mark.parametrize("alter", ALTERATIONS)
def test_altered_reply_is_as_good_as_none(bender: Bender, factory: Side, alter: Alter) -> None:
    sample = _kept(bender)
    count = len(list(alter(list(sample.headers.items()), sample.body)))
    assert count > 80
    for number in range(count):

        def bend(answer: Answer, number: int = number) -> Answer:
            made = alter(list(answer.headers.items()), answer.body)
            _, make = next(islice(made, number, None))
            headers, body = make()
            return replace(answer, headers=_mapping(headers), body=body)

        bender.refuse(bend, f"alteration {number}")
    bender.bend = lambda answer: answer
    bender.exchange()
    assert sorted(each.flow_name for each in factory.executions()) == ["report", "restart"]


def _mapping(headers: Headers) -> dict[str, str]:
    """A transport gives a repeated header as one, joined by a comma."""
    found: dict[str, str] = {}
    for name, value in headers:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def test_reply_that_is_altered_carries_every_kind_of_field(bender: Bender) -> None:
    assert fields_of(_kept(bender).body) >= {
        *("v", "link", "from", "to", "epoch", "peer_epoch", "s", "seen", "instance", "ack"),
        *("results", "records", "more", "limits", "re", "now", "poll_after_ms"),
        *("flow_name", "input_value", "desired", "target_epoch", "not_after"),
        *("status", "output_value", "message", "started_at", "ended_at", "data"),
    }


@pytest.mark.parametrize("status", [201, 204, 301, 400, 401, 403, 409, 413, 429, 500, 503])
def test_reply_with_another_status_is_as_good_as_none(bender: Bender, status: int) -> None:
    bender.refuse(lambda answer: replace(answer, status=status), str(status))


def test_reply_to_another_post_is_as_good_as_none(bender: Bender) -> None:
    other = _kept(bender)
    bender.refuse(lambda answer: other, "the reply to the post before")


def _signed_refusal(bender: Bender) -> Answer:
    """Gives a refusal that the cloud signed; the factory takes it for one."""
    bender.world.change_link(bender.cloud, "factory", is_enabled=False)
    with pytest.raises(PeerRefusedError, match="disabled"):
        bender.exchange()
    assert bender.last is not None
    return bender.last


def test_refusal_of_another_post_is_as_good_as_none(bender: Bender) -> None:
    old = _signed_refusal(bender)
    bender.world.change_link(bender.cloud, "factory", is_enabled=True)
    bender.refuse(lambda answer: old, "the refusal of the post before")


def test_refusal_with_another_status_is_as_good_as_none(bender: Bender) -> None:
    _signed_refusal(bender)
    bender.refuse(lambda answer: replace(answer, status=409), "a refusal of another kind")


def test_reply_of_another_link_is_as_good_as_none(
    linked: World, cloud: Side, bender: Bender
) -> None:
    plant = linked.add("plant")
    linked.link(plant, cloud)
    linked.run_for(0)
    other = linked.network.carried[-1]
    assert other.path.endswith("/plant/sync")
    assert other.answer is not None
    bender.refuse(lambda answer: other.answer or answer, "the reply to another workspace")
