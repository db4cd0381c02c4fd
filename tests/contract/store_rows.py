"""Short ways to say what the store suites write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from tieline.errors import ConflictError
from tieline.ports import Put, Row, Store


def row(row_id: str, body: str = "{}", *, kind: str = "thing", **fields: Any) -> Row:
    return Row(kind=kind, id=row_id, body=body, **fields)


def put_all(store: Store, rows: Iterable[Row]) -> None:
    store.write([Put(each) for each in rows])


def stored(store: Store, row_id: str, kind: str = "thing") -> Row:
    found = store.get(kind, row_id)
    assert found is not None
    return found


def ids(rows: Sequence[Row]) -> list[str]:
    return [each.id for each in rows]


def increment(store: Store, row_id: str) -> None:
    """Adds one to the number in a row's body, again until nobody else was faster."""
    while True:
        found = stored(store, row_id)
        try:
            store.write([Put(replace(found, body=str(int(found.body) + 1)))])
        except ConflictError:
            continue
        return
