"""How rows lie in the one DynamoDB table: keys, indexes, and the request that makes it.

| item | `pk` | `sk` | other attributes |
| --- | --- | --- | --- |
| row | its kind | its id | `row_version`, `body` or `body_z` (deflated), `stamp`, `unique_name` |
| name marker | `name#<kind>#<name>` | `name` | `owner`: the id of the row that has the name |

A row also has the keys of the indexes it is in, and of no other: the indexes are sparse.

| index | partition key | sort key | a row is in it while |
| --- | --- | --- | --- |
| `dirty` | `dirty_link` | `dirty_key` = rank in two digits, `#`, id | it is in a link's dirty set |
| `due` | `due_shard` = `due` | `due_at`, microseconds since 1970 | it has a due time |
| `parent` | `parent_key` = kind, `#`, parent's id | `id` | it has a parent |
| `members` | `member_of` | `id` | it is in a group |

Why so, counted in write units (AWS, "Read/write capacity mode"; "Global secondary indexes"):

* The table's own order is the list: a kind is a partition, ids are its sort key. An index for
  it would cost one unit more per row and would be read late; the price is that one kind takes
  at most 1,000 units a second ("Partitions and data distribution"), some 120 remote executions.
* Indexes hold keys only. One that held bodies would be written again with every change of a
  row; so an entry costs one unit when it comes and one when it goes (a new sort key: both).
  Reading fetches the rows by key, consistently, which also drops entries that are out of date.
* `unlisted` marks the rows that `Store.list` leaves out; most rows are listed.
* `expires_at` (seconds since 1970) is the table's TTL attribute; nothing sets it yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DIRTY, DUE, PARENT, MEMBERS = "dirty", "due", "parent", "members"

INDEXES: Mapping[str, tuple[str, str]] = {
    DIRTY: ("dirty_link", "dirty_key"),
    DUE: ("due_shard", "due_at"),
    PARENT: ("parent_key", "id"),
    MEMBERS: ("member_of", "id"),
}
"""Partition and sort key of each index; every one projects KEYS_ONLY."""

DUE_SHARD = "due"
"""The one partition of the due set: it is small, and each sweep reads it in order."""

NUMBERS = frozenset({"due_at"})

TIME_TO_LIVE = "expires_at"


def table_request(name: str) -> dict[str, Any]:
    """Gives the arguments of CreateTable; template.yaml says the same in its own words."""
    attributes = {"pk", "sk", *(each for pair in INDEXES.values() for each in pair)}
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _schema("pk", "sk"),
        "AttributeDefinitions": [
            {"AttributeName": each, "AttributeType": "N" if each in NUMBERS else "S"}
            for each in sorted(attributes)
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": index,
                "KeySchema": _schema(*keys),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for index, keys in INDEXES.items()
        ],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    }


def _schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]
