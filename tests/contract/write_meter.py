"""Counts what writes would cost on DynamoDB; moto does not know the indexes' share.

The rules (AWS, "Read/write capacity mode", "Global secondary indexes", "Transactions: capacity
management"):

* a write costs a unit per begun KB of the item before or after it, the larger one; a refused one
  costs as much.
* an index costs a unit when an entry comes, when one goes, and both when its key changes.
  Keys alone are projected, so that nothing else touches an index.
* in a transaction the items count twice, their index entries once. AWS documents the former; the
  latter was measured there (GitHub, nubo-db/dynoxide#188). DynamoDB Local counts otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tieline.adapters.dynamodb_rows import Item, write_units
from tieline.adapters.dynamodb_table import INDEXES

Key = tuple[str, str]


@dataclass
class WriteMeter:
    """What a client's writes cost, by what was written: `<kind>`, `<kind>/<index>`."""

    units: Counter[str] = field(default_factory=Counter)
    items: dict[Key, Item] = field(default_factory=dict)
    refused: int = 0

    def watch(self, client: Any) -> None:
        """Counts the writes of that client from now on."""
        events = client.meta.events
        for operation in ("PutItem", "DeleteItem", "TransactWriteItems"):
            # Only the first event has the arguments, only the last one the outcome.
            events.register(f"provide-client-params.dynamodb.{operation}", self._remember)
            events.register(f"after-call.dynamodb.{operation}", self._count)

    @property
    def total(self) -> int:
        return sum(self.units.values())

    def without(self, kind: str) -> int:
        """Gives the units that were not spent on rows of that kind."""
        return sum(units for what, units in self.units.items() if what.split("/")[0] != kind)

    def _remember(self, params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["written"] = params

    def _count(self, parsed: Mapping[str, Any], context: Mapping[str, Any], **_: Any) -> None:
        params = context["written"]
        writes = params.get("TransactItems")
        is_transaction = writes is not None
        is_done = parsed["ResponseMetadata"]["HTTPStatusCode"] == 200
        self.refused += not is_done
        for write in writes or [params]:
            arguments = next(iter(write.values())) if is_transaction else write
            self._write(arguments, 2 if is_transaction else 1, is_done=is_done)

    def _write(self, arguments: Mapping[str, Any], factor: int, *, is_done: bool) -> None:
        item = arguments.get("Item")
        place = item or arguments["Key"]
        key = (place["pk"]["S"], place["sk"]["S"])
        before = self.items.get(key)
        sizes = [write_units(each) for each in (before, item) if each is not None]
        self.units[key[0]] += factor * max(sizes, default=1)
        if not is_done:
            return
        for index, units in _index_units(before or {}, item or {}):
            self.units[f"{key[0]}/{index}"] += units
        if item is None:
            self.items.pop(key, None)
        else:
            self.items[key] = item


def _index_units(before: Item, after: Item) -> Sequence[tuple[str, int]]:
    found = []
    for index, attributes in INDEXES.items():
        old, new = (_entry(item, attributes) for item in (before, after))
        if old != new:
            found.append((index, (old is not None) + (new is not None)))
    return found


def _entry(item: Item, attributes: tuple[str, str]) -> Sequence[Any] | None:
    values = [item.get(each) for each in attributes]
    return None if None in values else values
