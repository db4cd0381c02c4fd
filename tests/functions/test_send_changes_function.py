"""send_changes: one exchange per link and batch; nothing holds up the stream."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from lambda_functions import Pair, load, sample
from tieline.adapters.memory_store import MemoryStore
from tieline.errors import StoreUnavailableError
from tieline.operations.records import load_execution, load_link_state
from tieline.operations.send_until_quiet import Outcome, send_until_quiet
from tieline.operations.start_execution import Request, start_execution
from tieline.operations.workspace import Workspace
from tieline.protocol.states import Status

NO_FAILURE: dict[str, list[Any]] = {"batchItemFailures": []}


def _event(case: str, link_id: str) -> Any:
    event = copy.deepcopy(sample(f"send_changes/{case}"))
    for record in event["Records"]:
        if "dynamodb" in record:
            record["dynamodb"]["NewImage"]["dirty_link"]["S"] = link_id
        else:
            record["body"] = f'{{"send": "{link_id}"}}'
    return event


def _start_there(cloud: Workspace) -> str:
    request = Request(flow_name="restart_service", remote_workspace_name="factory")
    return start_execution(cloud, request).id


@pytest.fixture
def pair() -> Pair:
    return Pair()


@pytest.mark.parametrize("case", ["stream", "message"])
def test_change_reaches_the_peer(case: str, pair: Pair) -> None:
    execution_id = _start_there(pair.cloud)
    assert load("send_changes").handle(_event(case, pair.link.id), pair.cloud) == NO_FAILURE
    assert load_execution(pair.factory.store, execution_id).execution.run.status == Status.PENDING
    assert not pair.cloud.store.dirty(pair.link.id)


def test_records_of_one_link_share_their_posts(pair: Pair) -> None:
    load("send_changes").handle(_event("stream", pair.link.id), pair.cloud)
    pair.posts = 0
    load("send_changes").handle(_event("stream", pair.link.id), pair.cloud)
    assert pair.posts == 1


def test_what_a_reply_brought_is_acked_before_the_function_ends(pair: Pair) -> None:
    execution_id = _start_there(pair.cloud)
    for _ in range(3):
        load("send_changes").handle(_event("message", pair.link.id), pair.cloud)
    factory_link = load_execution(pair.factory.store, execution_id).execution.link_id
    assert factory_link is not None
    assert not pair.factory.store.dirty(factory_link)


def test_stream_leaves_a_link_with_an_interval_to_its_time() -> None:
    pair = Pair(sync_interval=5.0)
    load("send_changes").handle(_event("stream", pair.link.id), pair.cloud)
    assert pair.posts == 0
    load("send_changes").handle(_event("message", pair.link.id), pair.cloud)
    assert pair.posts == 2


def test_unknown_link_is_passed_over(pair: Pair) -> None:
    assert load("send_changes").handle(sample("send_changes/stream"), pair.cloud) == NO_FAILURE
    assert pair.posts == 0


def test_link_that_only_answers_is_passed_over(pair: Pair) -> None:
    link_id = pair.factory.store.get_by_name("sync_config", "cloud").id  # type: ignore[union-attr]
    assert load("send_changes").handle(_event("stream", link_id), pair.factory) == NO_FAILURE


@pytest.mark.parametrize("is_scheduled", [True, False])
def test_link_that_does_not_dial_is_skipped_rather_than_failed(is_scheduled: bool) -> None:
    pair = Pair()
    link_id = pair.factory.store.get_by_name("sync_config", "cloud").id  # type: ignore[union-attr]
    sent = send_until_quiet(pair.factory, link_id, is_scheduled=is_scheduled)
    assert sent.outcome == Outcome.SKIPPED


@pytest.mark.parametrize("case", ["stream", "message"])
def test_unreachable_peer_fails_no_record_and_is_noted(case: str, pair: Pair) -> None:
    pair.network.detach("factory")
    assert load("send_changes").handle(_event(case, pair.link.id), pair.cloud) == NO_FAILURE
    assert load_link_state(pair.cloud.store, pair.link.id)[0].failures == 1


def test_stream_does_not_hammer_a_peer_that_just_failed(pair: Pair) -> None:
    pair.network.detach("factory")
    for _ in range(3):
        load("send_changes").handle(_event("stream", pair.link.id), pair.cloud)
    assert pair.network.count < 3
    load("send_changes").handle(_event("message", pair.link.id), pair.cloud)
    assert load_link_state(pair.cloud.store, pair.link.id)[0].failures >= 2


def test_poisonous_message_fails_alone(pair: Pair) -> None:
    event = sample("send_changes/poison")
    good = _event("message", pair.link.id)["Records"][0] | {"messageId": "good"}
    event["Records"].append(good)
    failed = load("send_changes").handle(event, pair.cloud)["batchItemFailures"]
    assert [each["itemIdentifier"] for each in failed] == ["sample-1"]
    assert pair.posts == 2


def test_whole_batch_that_fails_raises_nothing(pair: Pair) -> None:
    class BrokenStore(MemoryStore):
        def get(self, kind: str, row_id: str) -> Any:
            raise StoreUnavailableError("throttled")

    object.__setattr__(pair.cloud, "store", BrokenStore())
    event = _event("stream", pair.link.id)
    failed = load("send_changes").handle(event, pair.cloud)["batchItemFailures"]
    numbers = [each["dynamodb"]["SequenceNumber"] for each in event["Records"]]
    assert [each["itemIdentifier"] for each in failed] == numbers
