"""Pages of records have a cap of rows and bytes, whatever the filter."""

from tieline.adapters.memory_store import MemoryStore
from tieline.operations.list_records import (
    MAX_SCANNED_ROWS,
    PAGE_BYTES,
    Query,
    list_children,
    list_records,
    list_with_unlisted,
)
from tieline.operations.record_filter import Filter, Operator
from tieline.ports import Put, Row


def fill(rows):
    store = MemoryStore()
    store.write([Put(row) for row in rows])
    return store


def row(row_id, **fields):
    return Row(kind="k", id=row_id, **{"body": "{}", **fields})


def view(found):
    return {"id": found.id}


def ids(page):
    return [item["id"] for item in page.items]


def test_filter_that_fits_nothing_stops_at_the_cap_and_can_go_on():
    store = fill([row(f"{n:05}") for n in range(MAX_SCANNED_ROWS + 1)])
    last = f"{MAX_SCANNED_ROWS:05}"
    only_last = [Filter(field="id", op=Operator.EQ, value=last)]
    first = list_records(store, "k", Query(filters=only_last), view)
    assert (first.items, first.next) == ([], f"{MAX_SCANNED_ROWS - 1:05}")
    second = list_records(store, "k", Query(filters=only_last, after=first.next), view)
    assert (ids(second), second.next) == ([last], None)


def test_page_ends_at_its_cap_of_bytes():
    store = fill([row(f"{n}", body="x" * (PAGE_BYTES // 2)) for n in range(3)])
    page = list_records(store, "k", Query(), view)
    assert (ids(page), page.next) == (["0", "1"], "1")


def test_newest_first_pages_go_down():
    store = fill([row(str(n)) for n in range(5)])
    first = list_records(store, "k", Query(limit=2, is_newest_first=True), view)
    assert (ids(first), first.next) == (["4", "3"], "3")
    second = list_records(store, "k", Query(limit=2, after="3", is_newest_first=True), view)
    assert ids(second) == ["2", "1"]


def test_children_are_listed_page_by_page():
    store = fill([row("p"), *(row(f"c{n}", parent_id="p", is_listed=False) for n in range(3))])
    first = list_children(store, "k", "p", Query(limit=2, is_newest_first=True), view)
    assert (ids(first), first.next) == (["c2", "c1"], "c1")
    query = Query(limit=2, after="c1", is_newest_first=True)
    assert ids(list_children(store, "k", "p", query, view)) == ["c0"]


def test_unlisted_rows_follow_their_listed_ancestor_once():
    store = fill(
        [
            row("1"),
            row("2", parent_id="1", is_listed=False),
            row("3", parent_id="2", is_listed=False),
            row("4", parent_id="1"),
            row("5", parent_id="4", is_listed=False),
        ]
    )
    assert ids(list_with_unlisted(store, "k", Query(), view)) == ["1", "2", "3", "4", "5"]
    page = list_with_unlisted(store, "k", Query(limit=1), view)
    assert (ids(page), page.next) == (["1", "2", "3"], "1")
    assert ids(list_with_unlisted(store, "k", Query(after="1"), view)) == ["4", "5"]
