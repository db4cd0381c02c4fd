"""The contract of the Store port, over every adapter."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from contract.store_rows import ids, increment, put_all, row, stored
from tieline.errors import ConflictError, MalformedError, StoreUnavailableError
from tieline.ports import Delete, Put, Store

NOON = datetime(2026, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)


# One row


def test_row_that_was_never_written_is_none(store: Store) -> None:
    assert store.get("thing", "a") is None


def test_row_comes_back_as_it_was_written(store: Store) -> None:
    written = row(
        "a",
        '{"z": 1, "a": "\u00e9\u4e2d\U0001f600\\u0000", "m": [1.50, null]}',
        name="n",
        dirty_link="l",
        dirty_rank=3,
        due_at=NOON,
        parent_id="p",
        group="g",
        is_listed=False,
    )
    put_all(store, [written])
    assert store.get("thing", "a") == replace(written, version=1)


def test_same_id_in_two_kinds_is_two_rows(store: Store) -> None:
    put_all(store, [row("a", "1"), row("a", "2", kind="other")])
    assert [stored(store, "a").body, stored(store, "a", "other").body] == ["1", "2"]


def test_get_many_gives_those_that_exist_by_id(store: Store) -> None:
    put_all(store, [row("a"), row("b"), row("c"), row("d", kind="other")])
    found = store.get_many("thing", ["c", "missing", "a", "d"])
    assert dict(found) == {"a": stored(store, "a"), "c": stored(store, "c")}


def test_get_many_of_no_ids_is_empty(store: Store) -> None:
    assert dict(store.get_many("thing", [])) == {}


def test_get_many_takes_more_ids_than_a_statement_has_places(store: Store) -> None:
    wanted = [f"{number:05}" for number in range(2000)]
    put_all(store, [row(each) for each in wanted[::2]])
    assert sorted(store.get_many("thing", wanted)) == wanted[::2]


# Versions


def test_first_write_stores_version_1(store: Store) -> None:
    put_all(store, [row("a")])
    assert stored(store, "a").version == 1


def test_each_write_adds_1_to_the_version(store: Store) -> None:
    put_all(store, [row("a")])
    put_all(store, [replace(stored(store, "a"), body="2")])
    assert (stored(store, "a").version, stored(store, "a").body) == (2, "2")


def test_version_0_conflicts_with_a_row_that_exists(store: Store) -> None:
    put_all(store, [row("a", "1")])
    with pytest.raises(ConflictError):
        put_all(store, [row("a", "2")])
    assert stored(store, "a").body == "1"


@pytest.mark.parametrize("version", [1, 3])
def test_put_of_another_version_conflicts(store: Store, version: int) -> None:
    put_all(store, [row("a")])
    put_all(store, [row("a", "2", version=1)])
    with pytest.raises(ConflictError):
        put_all(store, [row("a", "lost", version=version)])
    assert stored(store, "a").body == "2"


def test_put_of_a_version_that_does_not_exist_conflicts(store: Store) -> None:
    with pytest.raises(ConflictError):
        put_all(store, [row("a", version=1)])
    assert store.get("thing", "a") is None


def test_delete_of_the_stored_version_removes_the_row(store: Store) -> None:
    put_all(store, [row("a"), row("b")])
    store.write([Delete("thing", "a", 1)])
    assert ids(store.list("thing")) == ["b"]


def test_delete_of_another_version_conflicts(store: Store) -> None:
    put_all(store, [row("a")])
    with pytest.raises(ConflictError):
        store.write([Delete("thing", "a", 2)])
    assert store.get("thing", "a") is not None


@pytest.mark.parametrize("version", [0, 1])
def test_delete_of_a_row_that_does_not_exist_conflicts(store: Store, version: int) -> None:
    with pytest.raises(ConflictError):
        store.write([Delete("thing", "a", version)])


def test_deleted_row_can_be_made_anew_from_version_0(store: Store) -> None:
    put_all(store, [row("a")])
    store.write([Delete("thing", "a", 1)])
    put_all(store, [row("a", "new")])
    assert (stored(store, "a").version, stored(store, "a").body) == (1, "new")


# Several changes


def test_several_changes_are_made_together(store: Store) -> None:
    put_all(store, [row("a"), row("b")])
    store.write([Put(row("c")), Put(row("a", "2", version=1)), Delete("thing", "b", 1)])
    assert [(each.id, each.body) for each in store.list("thing")] == [("a", "2"), ("c", "{}")]


def test_one_conflict_among_several_changes_nothing(store: Store) -> None:
    put_all(store, [row("a", "1"), row("b", name="b"), row("c")])
    before = store.list("thing")
    with pytest.raises(ConflictError):
        store.write(
            [
                Put(row("new", name="new", dirty_link="l")),
                Put(row("a", "2", version=1)),
                Delete("thing", "b", 1),
                Put(row("c", version=7)),
            ]
        )
    assert store.list("thing") == before
    assert store.get_by_name("thing", "b") is not None
    assert (store.get_by_name("thing", "new"), store.count_dirty("l")) == (None, 0)


def test_conflict_names_the_first_row_that_differs(store: Store) -> None:
    put_all(store, [row("a")])
    with pytest.raises(ConflictError) as caught:
        put_all(store, [row("new"), row("a", version=5), row("b", kind="other", version=9)])
    assert (caught.value.kind, caught.value.id, caught.value.name_taken) == ("thing", "a", False)


def test_conflict_of_a_delete_names_its_row(store: Store) -> None:
    with pytest.raises(ConflictError) as caught:
        store.write([Delete("thing", "gone", 4)])
    assert (caught.value.kind, caught.value.id, caught.value.name_taken) == ("thing", "gone", False)


def test_write_of_no_changes_is_harmless(store: Store) -> None:
    store.write([])
    assert store.list("thing") == []


def test_store_works_on_after_a_conflict(store: Store) -> None:
    with pytest.raises(ConflictError):
        put_all(store, [row("a", version=1)])
    put_all(store, [row("a")])
    assert stored(store, "a").version == 1


# Names


def test_row_is_found_by_its_name(store: Store) -> None:
    put_all(store, [row("a", name="Mühle/1"), row("b", name="other")])
    assert store.get_by_name("thing", "Mühle/1") == stored(store, "a")


@pytest.mark.parametrize("name", ["missing", "FACTORY", "factory ", ""])
def test_name_that_no_row_has_gives_none(store: Store, name: str) -> None:
    put_all(store, [row("a", name="factory"), row("b")])
    assert store.get_by_name("thing", name) is None


def test_name_is_looked_up_within_its_kind(store: Store) -> None:
    put_all(store, [row("a", name="factory")])
    assert store.get_by_name("other", "factory") is None


def test_name_of_another_row_of_the_kind_is_refused(store: Store) -> None:
    put_all(store, [row("a", name="factory")])
    with pytest.raises(ConflictError) as caught:
        put_all(store, [row("c"), row("b", name="factory")])
    assert (caught.value.kind, caught.value.id, caught.value.name_taken) == ("thing", "b", True)
    assert ids(store.list("thing")) == ["a"]


def test_rename_to_the_name_of_another_row_is_refused(store: Store) -> None:
    put_all(store, [row("a", name="one"), row("b", name="two")])
    with pytest.raises(ConflictError) as caught:
        put_all(store, [row("b", name="one", version=1)])
    assert (caught.value.id, caught.value.name_taken) == ("b", True)
    assert stored(store, "b").name == "two"


def test_another_version_is_told_before_a_taken_name(store: Store) -> None:
    put_all(store, [row("a", name="one"), row("b", name="two")])
    for version in (0, 2):
        with pytest.raises(ConflictError) as caught:
            put_all(store, [row("b", name="one", version=version)])
        assert not caught.value.name_taken


def test_row_keeps_its_own_name(store: Store) -> None:
    put_all(store, [row("a", name="factory")])
    put_all(store, [row("a", "2", name="factory", version=1)])
    assert stored(store, "a").version == 2


def test_creating_a_named_row_twice_is_no_taken_name(store: Store) -> None:
    put_all(store, [row("a", name="factory")])
    with pytest.raises(ConflictError) as caught:
        put_all(store, [row("a", name="factory")])
    assert not caught.value.name_taken


def test_rows_of_two_kinds_may_share_a_name(store: Store) -> None:
    put_all(store, [row("a", name="x"), row("b", name="x", kind="other")])
    assert store.get_by_name("other", "x") == stored(store, "b", "other")


def test_rows_without_a_name_do_not_collide(store: Store) -> None:
    put_all(store, [row("a"), row("b")])
    assert ids(store.list("thing")) == ["a", "b"]


def test_rename_frees_the_old_name(store: Store) -> None:
    put_all(store, [row("a", name="old")])
    put_all(store, [row("a", name="new", version=1)])
    assert store.get_by_name("thing", "old") is None
    put_all(store, [row("b", name="old")])
    assert store.get_by_name("thing", "old") == stored(store, "b")


def test_delete_frees_the_name(store: Store) -> None:
    put_all(store, [row("a", name="x")])
    store.write([Delete("thing", "a", 1)])
    put_all(store, [row("b", name="x")])
    assert store.get_by_name("thing", "x") == stored(store, "b")


def test_one_write_moves_a_name_when_the_delete_comes_first(store: Store) -> None:
    put_all(store, [row("a", name="x")])
    store.write([Delete("thing", "a", 1), Put(row("b", name="x"))])
    assert store.get_by_name("thing", "x") == stored(store, "b")


def test_one_write_moves_a_name_when_the_rename_comes_first(store: Store) -> None:
    put_all(store, [row("a", name="x"), row("b", name="y")])
    put_all(store, [row("a", version=1), row("b", name="x", version=1)])
    assert store.get_by_name("thing", "x") == stored(store, "b")
    assert (stored(store, "a").name, store.get_by_name("thing", "y")) == (None, None)


def test_conflict_after_a_moved_name_leaves_it_where_it_was(store: Store) -> None:
    put_all(store, [row("a", name="x"), row("b", name="y")])
    with pytest.raises(ConflictError):
        put_all(store, [row("a", version=1), row("b", name="x", version=1), row("c", version=1)])
    assert store.get_by_name("thing", "x") == stored(store, "a")
    assert store.get_by_name("thing", "y") == stored(store, "b")


# The list


def test_list_is_ordered_by_id_whatever_the_order_of_writing(store: Store) -> None:
    put_all(store, [row("b"), row("a"), row("d")])
    put_all(store, [row("c")])
    assert ids(store.list("thing")) == ["a", "b", "c", "d"]


def test_list_can_begin_with_the_newest(store: Store) -> None:
    put_all(store, [row("b"), row("a"), row("c")])
    assert ids(store.list("thing", newest_first=True)) == ["c", "b", "a"]


def test_list_has_its_kind_only(store: Store) -> None:
    put_all(store, [row("a"), row("b", kind="other")])
    assert ids(store.list("thing")) == ["a"]


def test_list_leaves_out_unlisted_rows(store: Store) -> None:
    put_all(store, [row("a", is_listed=False), row("b")])
    assert ids(store.list("thing")) == ["b"]


def test_row_enters_and_leaves_the_list_as_it_is_written(store: Store) -> None:
    put_all(store, [row("a", is_listed=False), row("b")])
    put_all(store, [row("a", version=1), row("b", version=1, is_listed=False)])
    assert ids(store.list("thing")) == ["a"]


@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_of_the_list_join_without_gap_or_overlap(store: Store, newest_first: bool) -> None:
    put_all(store, [row(f"{number:02}", is_listed=number % 3 > 0) for number in range(20)])
    seen: list[str] = []
    while page := store.list(
        "thing", after=seen[-1] if seen else None, limit=3, newest_first=newest_first
    ):
        assert len(page) <= 3
        seen += ids(page)
    assert seen == sorted((f"{n:02}" for n in range(20) if n % 3), reverse=newest_first)


@pytest.mark.parametrize(("newest_first", "rest"), [(False, ["c"]), (True, ["a"])])
def test_cursor_may_be_a_row_that_is_gone(
    store: Store, newest_first: bool, rest: list[str]
) -> None:
    put_all(store, [row("a"), row("c")])
    assert ids(store.list("thing", after="b", newest_first=newest_first)) == rest


def test_limit_cuts_the_list(store: Store) -> None:
    put_all(store, [row(f"{number:03}") for number in range(120)])
    assert len(store.list("thing")) == 100
    assert len(store.list("thing", limit=110)) == 110


def test_limit_below_1_gives_nothing(store: Store) -> None:
    put_all(store, [row("a", dirty_link="l", due_at=NOON, group="g")])
    for limit in (0, -1):
        assert [*store.list("thing", limit=limit), *store.dirty("l", limit=limit)] == []
        assert [*store.due(NOON, limit=limit), *store.members("g", limit=limit)] == []


# The dirty set


def test_dirty_set_is_ordered_by_rank_then_id(store: Store) -> None:
    put_all(
        store,
        [
            row("a", dirty_link="l", dirty_rank=2),
            row("c", dirty_link="l", dirty_rank=0),
            row("b", dirty_link="l", dirty_rank=2, kind="other"),
            row("d", dirty_link="l", dirty_rank=1, is_listed=False),
        ],
    )
    assert ids(store.dirty("l")) == ["c", "d", "a", "b"]


def test_dirty_set_has_its_link_only(store: Store) -> None:
    put_all(store, [row("a", dirty_link="l"), row("b", dirty_link="m"), row("c")])
    assert ids(store.dirty("l")) == ["a"]


def test_pages_of_the_dirty_set_join_without_gap_or_overlap(store: Store) -> None:
    rows = [row(f"{n:02}", dirty_link="l", dirty_rank=n % 3) for n in range(20)]
    put_all(store, rows)
    seen: list[tuple[int, str]] = []
    while page := store.dirty("l", after=seen[-1] if seen else None, limit=4):
        assert len(page) <= 4
        seen += [(each.dirty_rank, each.id) for each in page]
    assert seen == sorted((each.dirty_rank, each.id) for each in rows)


def test_limit_cuts_the_dirty_set(store: Store) -> None:
    put_all(store, [row(f"{number:03}", dirty_link="l") for number in range(120)])
    assert len(store.dirty("l")) == 100


def test_row_leaves_the_dirty_set_when_its_mark_is_cleared(store: Store) -> None:
    put_all(store, [row("a", dirty_link="l", dirty_rank=1)])
    put_all(store, [row("a", version=1)])
    assert (store.dirty("l"), store.count_dirty("l")) == ([], 0)


def test_row_moves_in_the_dirty_set_with_its_rank(store: Store) -> None:
    put_all(store, [row(each, dirty_link="l", dirty_rank=1) for each in "ab"])
    put_all(store, [row("b", version=1, dirty_link="l", dirty_rank=0)])
    assert ids(store.dirty("l")) == ["b", "a"]


def test_count_dirty_counts_beyond_the_limit_of_a_page(store: Store) -> None:
    put_all(store, [row(f"{number:03}", dirty_link="l") for number in range(120)])
    put_all(store, [row("other", dirty_link="m"), row("clean")])
    assert (store.count_dirty("l"), store.count_dirty("none")) == (120, 0)


# The due set


def test_due_gives_the_earliest_first_up_to_the_moment_itself(store: Store) -> None:
    tick = timedelta(microseconds=1)
    put_all(
        store,
        [
            row("late", due_at=NOON + tick),
            row("now", due_at=NOON),
            row("early", due_at=NOON - tick, is_listed=False),
            row("never"),
            row("past", due_at=datetime(1969, 1, 1, tzinfo=UTC), kind="other"),
        ],
    )
    assert ids(store.due(NOON)) == ["past", "early", "now"]


def test_due_rows_of_one_moment_are_ordered_by_id(store: Store) -> None:
    put_all(store, [row(each, due_at=NOON) for each in "bca"])
    assert ids(store.due(NOON)) == ["a", "b", "c"]


def test_limit_cuts_the_due_set(store: Store) -> None:
    put_all(store, [row(f"{n:03}", due_at=NOON + timedelta(seconds=n)) for n in range(120)])
    much_later = NOON + timedelta(days=1)
    assert ids(store.due(much_later, limit=2)) == ["000", "001"]
    assert len(store.due(much_later)) == 100


def test_row_leaves_the_due_set_when_its_time_is_cleared(store: Store) -> None:
    put_all(store, [row("a", due_at=NOON)])
    put_all(store, [row("a", version=1)])
    assert store.due(NOON) == []


def test_due_times_of_other_zones_are_the_same_moment_in_utc(store: Store) -> None:
    put_all(store, [row("a", due_at=NOON.astimezone(timezone(timedelta(hours=5))))])
    due_at = stored(store, "a").due_at
    assert due_at == NOON
    assert due_at is not None
    assert due_at.tzinfo is UTC


def test_due_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(TypeError):
        put_all(store, [row("a", due_at=NOON.replace(tzinfo=None))])


# Children and groups


def test_children_are_those_of_the_kind_and_parent_in_order(store: Store) -> None:
    put_all(
        store,
        [
            row("c", parent_id="p"),
            row("a", parent_id="p", is_listed=False),
            row("b", parent_id="q"),
            row("d", parent_id="p", kind="other"),
            row("p"),
        ],
    )
    assert ids(store.children("thing", "p")) == ["a", "c"]


def test_children_are_all_given(store: Store) -> None:
    put_all(store, [row(f"{number:03}", parent_id="p") for number in range(250)])
    assert len(store.children("thing", "p")) == 250


def test_members_of_a_group_are_ordered_by_id_whatever_their_kind(store: Store) -> None:
    put_all(
        store,
        [
            row("c", group="g"),
            row("a", group="g", is_listed=False),
            row("b", group="g", kind="other"),
            row("d", group="h"),
            row("e"),
        ],
    )
    assert ids(store.members("g")) == ["a", "b", "c"]
    assert (store.count_members("g"), store.count_members("none")) == (3, 0)


def test_pages_of_a_group_join_without_gap_or_overlap(store: Store) -> None:
    put_all(store, [row(f"{number:03}", group="g") for number in range(120)])
    first = ids(store.members("g"))
    rest = ids(store.members("g", after=first[-1], limit=19))
    assert first + rest == [f"{number:03}" for number in range(119)]
    assert store.count_members("g") == 120


def test_row_leaves_its_group_as_it_is_written(store: Store) -> None:
    put_all(store, [row("a", group="g")])
    put_all(store, [row("a", version=1)])
    assert (store.members("g"), store.count_members("g")) == ([], 0)


def test_deleted_row_is_in_no_index(store: Store) -> None:
    put_all(
        store,
        [row("a", name="n", dirty_link="l", due_at=NOON, parent_id="p", group="g")],
    )
    store.write([Delete("thing", "a", 1)])
    assert store.get_by_name("thing", "n") is None
    assert store.get_many("thing", ["a"]) == {}
    assert [*store.list("thing"), *store.dirty("l"), *store.due(NOON)] == []
    assert [*store.children("thing", "p"), *store.members("g")] == []


# Values, text, threads, the end


def test_what_was_read_does_not_change_with_the_store(store: Store) -> None:
    put_all(store, [row("a", "1")])
    read, page = stored(store, "a"), store.list("thing")
    put_all(store, [replace(read, body="2")])
    put_all(store, [row("b")])
    assert (read.body, read.version, ids(page), page[0].body) == ("1", 1, ["a"], "1")


def test_changing_what_was_handed_over_changes_nothing_stored(store: Store) -> None:
    changes = [Put(row("a", "1"))]
    store.write(changes)
    changes[0] = Put(row("a", "2"))
    found = dict(store.get_many("thing", ["a"]))
    found.clear()
    assert stored(store, "a").body == "1"


@pytest.mark.parametrize("field", ["id", "body", "name", "dirty_link", "parent_id", "group"])
def test_text_that_is_not_unicode_is_malformed(store: Store, field: str) -> None:
    with pytest.raises(MalformedError):
        put_all(store, [row("ok"), replace(row("a"), **{field: "\ud800"})])
    assert store.list("thing") == []


def test_nothing_is_found_under_text_that_is_not_unicode(store: Store) -> None:
    put_all(store, [row("a", name="a")])
    assert store.get("thing", "\ud800") is None
    assert store.get_by_name("thing", "\ud800") is None
    assert store.get_many("thing", ["\ud800"]) == {}
    assert store.count_dirty("\ud800") == 0


def test_quotes_in_values_are_only_text(store: Store) -> None:
    name = "'; DROP TABLE row; --"
    put_all(store, [row(name, name, name=name)])
    found = store.get_by_name("thing", name)
    assert found == stored(store, name)
    assert found.body == name


def test_large_body_is_kept(store: Store) -> None:
    body = "x\u00e9" * 1_000_000
    put_all(store, [row("a", body)])
    assert stored(store, "a").body == body


def test_threads_that_count_in_one_row_lose_no_update(store: Store) -> None:
    put_all(store, [row("a", "0")])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: increment(store, "a"), range(160)))
    assert (stored(store, "a").body, stored(store, "a").version) == ("160", 161)


def test_one_of_many_threads_that_create_the_same_row_wins(store: Store) -> None:
    start = threading.Barrier(8)

    def create(number: int) -> bool:
        start.wait()
        try:
            put_all(store, [row("a", str(number)), row(f"by-{number}")])
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(create, range(8)))
    assert won.count(True) == 1
    assert ids(store.list("thing")) == ["a", f"by-{won.index(True)}"]


def test_thread_reads_what_it_has_just_written(store: Store) -> None:
    def write_then_read(number: int) -> bool:
        put_all(store, [row(str(number), dirty_link=str(number))])
        return store.get("thing", str(number)) is not None and store.count_dirty(str(number)) == 1

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(write_then_read, range(80)))


def test_closing_twice_is_harmless(store: Store) -> None:
    store.close()
    store.close()


def test_closed_store_is_unavailable(store: Store) -> None:
    store.close()
    with pytest.raises(StoreUnavailableError):
        store.get("thing", "a")
    with pytest.raises(StoreUnavailableError):
        put_all(store, [row("a")])
