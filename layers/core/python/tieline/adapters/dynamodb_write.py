"""Plans a write as conditional operations, and tells from a refusal which row differed.

Rules, in prose:

* A row is written iff its stored version is the expected one. A row that must not exist yet is
  written iff there is no item under its key.
* Nobody reads before writing: it is assumed that a row keeps its name, and the condition says
  so. Where the table answers that version and name do not go together, it also tells the stored
  name; the write is planned again with it. Only renaming and deleting named rows pay for that.
* A name is taken by a marker item in the same transaction. Its condition is that nobody has it,
  or that the row has it which gives it up in this very write.
* Of several that differ, the first change is named; a row's version is looked at before its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tieline.adapters.dynamodb_calls import CONDITION, Reasons
from tieline.adapters.dynamodb_rows import Item, item_of, name_of, version_of
from tieline.errors import ConflictError
from tieline.ports import Change, Put

Key = tuple[str, str]
Names = dict[Key, str | None]
"""The name that a stored row was found to have, where it is not the one assumed."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a write, and the change that it is for."""

    action: str
    arguments: Mapping[str, Any]
    index: int
    is_taking: bool = False
    is_row: bool = True


@dataclass(slots=True)
class _Marker:
    """What becomes of one name in one write."""

    index: int
    owner: str | None = None
    former: str | None = None


@dataclass(slots=True)
class Plan:
    """A write as it is planned now, by what is known of the stored names.

    `guard` is a change that is not made here: the version of its row is only checked.
    """

    changes: Sequence[Change]
    stamp: str
    guard: Change | None = None
    names: Names = field(default_factory=dict)

    def operations(self) -> Sequence[Operation]:
        """Gives the rows' operations and those of the names that change hands.

        Raises:
            ConflictError: two rows of one write want the same name.
        """
        rows = [self._row(index, change) for index, change in enumerate(self.changes)]
        markers = [_marked(key, marker) for key, marker in self._markers().items()]
        return [*rows, *markers, *self._guards()]

    def learn(self, operations: Sequence[Operation], reasons: Reasons) -> None:
        """Takes over the stored names that a refusal told, for the next try.

        Raises:
            ConflictError: no name explains the refusal; names the first row that differs.
        """
        conflicts = []
        learned = False
        for operation, (code, item) in zip(operations, reasons, strict=True):
            if code is None:
                continue
            if self._is_name_only(operation, code, item):
                assert item is not None
                self.names[self._key(operation.index)] = name_of(item)
                learned = True
            else:
                conflicts.append(operation)
        if not learned:
            raise self._conflict(conflicts)

    def is_done(self, reasons: Reasons) -> bool:
        """Tells whether the refusal is of a second copy of this very write.

        The client sends a request again when the answer was lost on its way. DynamoDB knows
        repeated transactions by itself.
        """
        item = reasons[0][1] if len(reasons) == 1 else None
        return item is not None and item.get("stamp", {}).get("S") == self.stamp

    def _guards(self) -> Sequence[Operation]:
        if self.guard is None:
            return []
        index = len(self.changes)
        version = _version(self.guard)
        arguments: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if version or not isinstance(self.guard, Put):
            arguments = {
                "ConditionExpression": "row_version = :version",
                "ExpressionAttributeValues": {":version": {"N": str(version)}},
            }
        key = row_key(*self._key(index))
        return [Operation("ConditionCheck", {"Key": key, **arguments}, index)]

    def _row(self, index: int, change: Change) -> Operation:
        condition, values = self._condition(change)
        arguments: dict[str, Any] = {
            "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if values:
            arguments["ExpressionAttributeValues"] = values
        if isinstance(change, Put):
            item = item_of(change.row, self.stamp)
            return Operation("Put", {"Item": item, **arguments}, index)
        return Operation("Delete", {"Key": row_key(change.kind, change.id), **arguments}, index)

    def _condition(self, change: Change) -> tuple[str, dict[str, Any]]:
        version = _version(change)
        if version == 0 and isinstance(change, Put):
            return "attribute_not_exists(pk)", {}
        values = {":version": {"N": str(version)}}
        name = self._stored_name(change)
        if name is None:
            return "row_version = :version AND attribute_not_exists(unique_name)", values
        return (
            "row_version = :version AND unique_name = :name",
            values | {":name": {"S": name}},
        )

    def _stored_name(self, change: Change) -> str | None:
        """Gives the name that the stored row has: as it was learned, else the assumed one."""
        if not isinstance(change, Put):
            return self.names.get((change.kind, change.id))
        if change.row.version == 0:
            return None
        return self.names.get((change.row.kind, change.row.id), change.row.name)

    def _markers(self) -> Mapping[Key, _Marker]:
        """Gives the names that change hands; a name given up first may be taken after it."""
        markers: dict[Key, _Marker] = {}
        for index, change in enumerate(self.changes):
            kind, row_id = self._key(index)
            before = self._stored_name(change)
            after = change.row.name if isinstance(change, Put) else None
            if before == after:
                continue
            if before is not None:
                markers.setdefault((kind, before), _Marker(index, former=row_id))
            if after is not None:
                marker = markers.setdefault((kind, after), _Marker(index))
                if marker.owner is not None:
                    raise ConflictError(kind, row_id, name_taken=True)
                marker.index, marker.owner = index, row_id
        return markers

    def _is_name_only(self, operation: Operation, code: str, item: Item | None) -> bool:
        """Tells whether the stored row has the expected version and another name."""
        if code != CONDITION or not operation.is_row or item is None:
            return False
        change = self.changes[operation.index]
        return version_of(item) == _version(change) and name_of(item) != self._stored_name(change)

    def _conflict(self, operations: Sequence[Operation]) -> ConflictError:
        first = min(operations, key=lambda each: (each.index, not each.is_row))
        return ConflictError(*self._key(first.index), name_taken=first.is_taking)

    def _key(self, index: int) -> Key:
        change = self.guard if index == len(self.changes) else self.changes[index]
        assert change is not None
        found = change.row if isinstance(change, Put) else change
        return found.kind, found.id


def _version(change: Change) -> int:
    return change.row.version if isinstance(change, Put) else change.version


def _marked(key: Key, marker: _Marker) -> Operation:
    arguments: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
    if marker.former is not None:
        arguments = {
            "ConditionExpression": "#owner = :former",
            "ExpressionAttributeNames": {"#owner": "owner"},
            "ExpressionAttributeValues": {":former": {"S": marker.former}},
        }
    place = marker_key(*key)
    if marker.owner is None:
        return Operation("Delete", {"Key": place, **arguments}, marker.index, is_row=False)
    item = {**place, "owner": {"S": marker.owner}}
    return Operation("Put", {"Item": item, **arguments}, marker.index, is_taking=True, is_row=False)


def row_key(kind: str, row_id: str) -> dict[str, dict[str, str]]:
    """Gives the key of a row's item."""
    return {"pk": {"S": kind}, "sk": {"S": row_id}}


def marker_key(kind: str, name: str) -> dict[str, dict[str, str]]:
    """Gives the key of a name's marker; each in a partition of its own."""
    return {"pk": {"S": f"name#{kind}#{name}"}, "sk": {"S": "name"}}
