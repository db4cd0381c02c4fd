"""What DynamoDbStore promises beyond the port: indexes that lag, sizes, errors, repeated calls."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.config import Config

from contract.aws import TABLE, client_of, make_table
from contract.bent_client import BentClient
from contract.store_rows import ids, put_all, row, stored
from tieline.adapters.dynamodb_recent import KEPT_ROWS, KEPT_SECONDS, RecentWrites
from tieline.adapters.dynamodb_rows import MAX_BODY_BYTES
from tieline.adapters.dynamodb_store import DynamoDbStore
from tieline.errors import (
    ConflictError,
    MalformedError,
    SettingsError,
    StoreUnavailableError,
    TooLargeError,
)
from tieline.ports import Delete, Put, Row

NOON = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def client(cloud: None) -> BentClient:
    bent = BentClient()
    make_table(client_of("dynamodb"))
    return bent


@pytest.fixture
def store(client: BentClient) -> DynamoDbStore:
    return DynamoDbStore(lambda: client, TABLE)


@pytest.fixture
def elsewhere(client: BentClient) -> DynamoDbStore:
    """The store of another process, on the same table."""
    return DynamoDbStore(lambda: client, TABLE)


def full_row(row_id: str, **fields: object) -> Row:
    places = {"dirty_link": "l", "due_at": NOON, "parent_id": "p", "group": "g", **fields}
    return row(row_id, **places)


def sets_of(store: DynamoDbStore) -> list[list[str]]:
    return [
        ids(store.dirty("l")),
        ids(store.due(NOON)),
        ids(store.children("thing", "p")),
        ids(store.members("g")),
    ]


# Calls


def test_client_is_asked_for_at_the_first_call_only() -> None:
    asked: list[str] = []

    def client() -> object:
        asked.append("client")
        raise AssertionError("not before it is needed")

    store = DynamoDbStore(client, TABLE)
    assert store.get_many("thing", []) == {}
    assert asked == []


def test_one_row_is_put_alone_and_several_are_a_transaction(
    store: DynamoDbStore, client: BentClient
) -> None:
    put_all(store, [row("a")])
    put_all(store, [row("a", version=1), row("b")])
    store.write([Delete("thing", "b", 1)])
    assert client.calls == ["put_item", "transact_write_items", "delete_item"]


def test_row_that_keeps_its_name_is_put_alone(store: DynamoDbStore, client: BentClient) -> None:
    put_all(store, [row("a", name="n")])
    put_all(store, [row("a", "2", name="n", version=1)])
    assert client.calls == ["transact_write_items", "put_item"]


def test_rows_and_lists_are_read_as_they_are_now(store: DynamoDbStore, client: BentClient) -> None:
    store.get("thing", "a")
    store.list("thing")
    store.get_many("thing", ["a"])
    *single, batch = client.arguments
    assert [each["ConsistentRead"] for each in single] == [True, True]
    assert batch["RequestItems"][TABLE]["ConsistentRead"] is True


def test_many_rows_are_read_in_batches(store: DynamoDbStore, client: BentClient) -> None:
    put_all(store, [row(f"{number:03}") for number in range(0, 250, 2)])
    client.calls.clear()
    wanted = [f"{number:03}" for number in range(250)]
    assert sorted(store.get_many("thing", [*wanted, "000"])) == wanted[::2]
    assert client.calls == ["batch_get_item"] * 3


def test_rows_that_a_batch_left_out_are_asked_for_again(
    store: DynamoDbStore, client: BentClient
) -> None:
    put_all(store, [row(each) for each in "abcde"])
    client.give_less()
    assert sorted(store.get_many("thing", list("abcde"))) == list("abcde")


def test_batch_that_gives_nothing_is_unavailable(store: DynamoDbStore, client: BentClient) -> None:
    put_all(store, [row("a")])
    client.give_none()
    with pytest.raises(StoreUnavailableError):
        store.get_many("thing", ["a"])


def test_put_that_arrives_twice_is_no_conflict(store: DynamoDbStore, client: BentClient) -> None:
    put_all(store, [row("a")])
    client.lose_answer("put_item")
    put_all(store, [row("a", "2", version=1)])
    assert (stored(store, "a").body, stored(store, "a").version) == ("2", 2)


def test_two_writers_of_the_same_value_are_told_apart(
    store: DynamoDbStore, elsewhere: DynamoDbStore
) -> None:
    put_all(store, [row("a")])
    put_all(elsewhere, [row("a", "2", version=1)])
    with pytest.raises(ConflictError):
        put_all(store, [row("a", "2", version=1)])


# Names that the writer does not know


def test_rename_needs_no_reading_before(store: DynamoDbStore, client: BentClient) -> None:
    put_all(store, [row("a", name="old")])
    client.calls.clear()
    put_all(store, [row("a", name="new", version=1)])
    assert client.calls == ["put_item", "transact_write_items"]
    assert store.get_by_name("thing", "old") is None


def test_name_that_a_row_took_meanwhile_is_not_freed(
    store: DynamoDbStore, elsewhere: DynamoDbStore
) -> None:
    put_all(store, [row("a", name="x")])
    put_all(elsewhere, [row("a", name="y", version=1)])
    with pytest.raises(ConflictError) as caught:
        put_all(store, [row("a", version=1)])
    assert not caught.value.name_taken
    assert store.get_by_name("thing", "y") == stored(store, "a")


def test_two_rows_of_one_write_cannot_have_one_name(store: DynamoDbStore) -> None:
    with pytest.raises(ConflictError) as caught:
        put_all(store, [row("a", name="x"), row("b", name="x")])
    assert (caught.value.id, caught.value.name_taken) == ("b", True)


def test_two_rows_can_swap_their_names(store: DynamoDbStore) -> None:
    put_all(store, [row("a", name="x"), row("b", name="y"), row("c", name="z")])
    put_all(store, [row("a", name="w", version=1), row("b", name="x", version=1)])
    assert store.get_by_name("thing", "x") == stored(store, "b")
    assert store.get_by_name("thing", "w") == stored(store, "a")
    assert store.get_by_name("thing", "y") is None


# Sizes


def test_body_over_the_cap_never_reaches_the_table(
    store: DynamoDbStore, client: BentClient
) -> None:
    with pytest.raises(TooLargeError, match="thing big"):
        put_all(store, [row("a"), row("big", "x" * (MAX_BODY_BYTES + 1))])
    assert client.calls == []


def test_body_of_the_cap_is_kept_though_nothing_shrinks_it(store: DynamoDbStore) -> None:
    noise = random.Random(1)
    body = "".join(chr(noise.randrange(32, 127)) for _ in range(MAX_BODY_BYTES))
    put_all(store, [row("a", body, name="n", dirty_link="l", group="g")])
    assert stored(store, "a").body == body


def test_body_is_deflated_only_when_that_is_cheaper(
    store: DynamoDbStore, client: BentClient
) -> None:
    small, large = '{"k": "v"}', json.dumps({f"field_{number}": None for number in range(100)})
    put_all(store, [row("a", small), row("b", large)])
    items = {item["sk"]["S"]: item for item in client.scan(TableName=TABLE)["Items"]}
    assert items["a"]["body"] == {"S": small}
    assert len(items["b"]["body_z"]["B"]) < 1000 < len(large)
    assert stored(store, "b").body == large


@pytest.mark.parametrize("field", ["id", "name", "dirty_link", "parent_id", "group"])
@pytest.mark.parametrize("text", ["", "x" * 1025], ids=["empty", "long"])
def test_key_that_dynamodb_cannot_hold_is_malformed(
    store: DynamoDbStore, client: BentClient, field: str, text: str
) -> None:
    with pytest.raises(MalformedError):
        put_all(store, [replace(row("a"), **{field: text})])
    assert store.get("thing", text) is None
    assert store.get_by_name("thing", text) is None
    assert client.calls == []


# Writes beyond one transaction


def test_write_of_more_than_a_transaction_holds_is_made(store: DynamoDbStore) -> None:
    put_all(store, [row(f"{number:03}") for number in range(205)])
    assert len(store.list("thing", limit=300)) == 205


def test_bodies_beyond_a_transaction_are_written_in_several(
    store: DynamoDbStore, client: BentClient
) -> None:
    put_all(store, [row(f"{number:02}", "x" * MAX_BODY_BYTES) for number in range(10)])
    assert client.calls == ["transact_write_items"] * 2


def test_large_write_that_is_late_by_its_last_row_changes_nothing(store: DynamoDbStore) -> None:
    put_all(store, [row("link")])
    late = [*(row(f"{number:03}") for number in range(150)), row("link", version=7)]
    with pytest.raises(ConflictError) as caught:
        put_all(store, late)
    assert caught.value.id == "link"
    assert ids(store.list("thing")) == ["link"]


def test_rows_of_one_stem_are_never_parted(store: DynamoDbStore, client: BentClient) -> None:
    whole = [row(f"{number:03}") for number in range(120)]
    pieces = [row(f"{number:03}/0", kind="piece") for number in range(120)]
    written: list[set[str]] = []

    def note(TransactItems: list[dict[str, dict[str, dict[str, dict[str, str]]]]]) -> None:  # noqa: N803
        puts = [each["Put"]["Item"]["sk"]["S"] for each in TransactItems if "Put" in each]
        written.append(set(puts))

    client.bend("transact_write_items", note)
    put_all(store, [*whole, *pieces])
    assert len(written) == 3
    for part in written:
        stems = {each for each in part if "/" not in each}
        assert {each.removesuffix("/0") for each in part if "/" in each} == stems


# Indexes that lag


def test_own_writes_are_in_every_set_before_the_indexes_show_them(
    store: DynamoDbStore, client: BentClient
) -> None:
    put_all(store, [full_row("b")])
    client.freeze_indexes()
    put_all(store, [full_row("a"), full_row("c")])
    assert sets_of(store) == [["a", "b", "c"]] * 4


def test_row_that_left_a_set_is_not_given_though_its_index_shows_it(
    store: DynamoDbStore, elsewhere: DynamoDbStore, client: BentClient
) -> None:
    put_all(store, [full_row("a"), full_row("b"), full_row("c")])
    client.freeze_indexes()
    elsewhere.write([Put(row("a", version=1)), Delete("thing", "b", 1)])
    assert sets_of(store) == [["c"]] * 4


def test_write_of_another_process_is_seen_when_the_indexes_follow(
    store: DynamoDbStore, elsewhere: DynamoDbStore, client: BentClient
) -> None:
    client.freeze_indexes()
    put_all(elsewhere, [full_row("a")])
    assert sets_of(store) == [[]] * 4
    client.follow()
    assert sets_of(store) == [["a"]] * 4


def test_rows_are_given_as_they_are_and_in_that_order(
    store: DynamoDbStore, elsewhere: DynamoDbStore, client: BentClient
) -> None:
    put_all(store, [full_row("a", dirty_rank=1), full_row("b", dirty_rank=3)])
    client.freeze_indexes()
    put_all(elsewhere, [full_row("b", version=1, dirty_rank=0, body="new")])
    assert [(each.id, each.dirty_rank, each.body) for each in store.dirty("l")] == [
        ("b", 0, "new"),
        ("a", 1, "{}"),
    ]


def test_page_is_full_though_its_index_shows_rows_that_left(
    store: DynamoDbStore, elsewhere: DynamoDbStore, client: BentClient
) -> None:
    put_all(store, [full_row(f"{number:02}") for number in range(30)])
    client.freeze_indexes()
    put_all(elsewhere, [row(f"{number:02}", version=1) for number in range(20)])
    fresh = DynamoDbStore(lambda: client, TABLE)
    assert (
        ids(fresh.dirty("l", limit=5))
        == ids(fresh.members("g", limit=5))
        == [
            "20",
            "21",
            "22",
            "23",
            "24",
        ]
    )


def test_pages_neither_repeat_nor_end_while_rows_move(
    store: DynamoDbStore, elsewhere: DynamoDbStore, client: BentClient
) -> None:
    put_all(store, [full_row(f"{number:02}", dirty_rank=number % 3) for number in range(12)])
    client.freeze_indexes()
    moved = [stored(store, f"{number:02}") for number in range(0, 12, 2)]
    put_all(elsewhere, [replace(each, dirty_rank=2 - each.dirty_rank) for each in moved])
    fresh = DynamoDbStore(lambda: client, TABLE)
    seen: list[tuple[int, str]] = []
    while page := fresh.dirty("l", after=seen[-1] if seen else None, limit=4):
        seen += [(each.dirty_rank, each.id) for each in page]
    assert seen == sorted(set(seen))
    assert set(ids(fresh.dirty("l"))) == {f"{number:02}" for number in range(12)}


def test_own_writes_are_remembered_for_some_seconds_and_not_without_end() -> None:
    now = [0.0]
    recent = RecentWrites(lambda: now[0])
    recent.note([Put(row(str(number))) for number in range(KEPT_ROWS + 5)])
    assert len(recent.keys(lambda _: True)) == KEPT_ROWS
    assert recent.keys(lambda each: each.id == "7") == [("thing", "7")]
    now[0] = KEPT_SECONDS
    assert recent.keys(lambda _: True) == []
    recent.note([Put(row("a"))])
    assert recent.keys(lambda _: True) == [("thing", "a")]


# Errors

PASSING = [
    ("ProvisionedThroughputExceededException", 400),
    ("ThrottlingException", 400),
    ("RequestLimitExceeded", 400),
    ("InternalServerError", 500),
    ("SomethingNew", 503),
]


@pytest.mark.parametrize(("code", "status"), PASSING)
def test_passing_error_is_unavailable(
    store: DynamoDbStore, client: BentClient, code: str, status: int
) -> None:
    for operation in ("get_item", "put_item", "query", "batch_get_item"):
        client.refuse(operation, code, status)
    with pytest.raises(StoreUnavailableError, match=TABLE):
        store.get("thing", "a")
    with pytest.raises(StoreUnavailableError):
        put_all(store, [row("a")])
    with pytest.raises(StoreUnavailableError):
        store.dirty("l")
    with pytest.raises(StoreUnavailableError):
        store.get_many("thing", ["a"])


def test_missing_table_is_named(cloud: None) -> None:
    store = DynamoDbStore(lambda: client_of("dynamodb"), "no-such-table")
    with pytest.raises(SettingsError, match="no-such-table"):
        store.get("thing", "a")
    with pytest.raises(SettingsError, match="no-such-table"):
        put_all(store, [row("a"), row("b")])


def test_denied_call_names_the_table(store: DynamoDbStore, client: BentClient) -> None:
    client.refuse("put_item", "AccessDeniedException")
    with pytest.raises(SettingsError, match=TABLE):
        put_all(store, [row("a")])


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (["None", "ThrottlingError"], StoreUnavailableError),
        (["None", "TransactionConflict"], ConflictError),
        (["ThrottlingError", "ConditionalCheckFailed"], ConflictError),
        (["None", "ValidationError"], SettingsError),
    ],
)
def test_cancelled_transaction_is_told_by_its_reasons(
    store: DynamoDbStore, client: BentClient, codes: list[str], expected: type[Exception]
) -> None:
    reasons = [{"Code": code} for code in codes]
    client.refuse(
        "transact_write_items", "TransactionCanceledException", CancellationReasons=reasons
    )
    with pytest.raises(expected):
        put_all(store, [row("a"), row("b")])


def test_put_that_meets_a_transaction_is_a_conflict(
    store: DynamoDbStore, client: BentClient
) -> None:
    client.refuse("put_item", "TransactionConflictException")
    with pytest.raises(ConflictError):
        put_all(store, [row("a")])


def test_service_that_does_not_answer_is_unavailable() -> None:
    client = boto3.client(
        "dynamodb",
        region_name="eu-west-1",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=1),
    )
    with pytest.raises(StoreUnavailableError):
        DynamoDbStore(lambda: client, TABLE).get("thing", "a")


def test_due_rows_of_the_very_same_time_are_ordered_within_a_page(store: DynamoDbStore) -> None:
    later = NOON + timedelta(seconds=1)
    put_all(store, [row("b", due_at=later), row("c", due_at=NOON), row("a", due_at=later)])
    assert ids(store.due(later)) == ["c", "a", "b"]
