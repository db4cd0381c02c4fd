"""Calls to DynamoDB: the client is made by the first one, every error becomes one of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
)

from tieline.adapters.dynamodb_rows import Item
from tieline.errors import SettingsError, StoreUnavailableError, TielineError

CONDITION = "ConditionalCheckFailed"
IN_TRANSACTION = "TransactionConflict"
_REFUSED = {
    "ConditionalCheckFailedException": CONDITION,
    "TransactionConflictException": IN_TRANSACTION,
}
_PASSING = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "ThrottledException",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)
"""Error codes that may be gone at the next try (AWS, "Error handling with DynamoDB")."""
_OPERATORS = (NoCredentialsError, NoRegionError, ParamValidationError, PartialCredentialsError)
"""What no retry mends."""

KEYS_PER_READ = 100
"""Most keys of one BatchGetItem (AWS, "Quotas in Amazon DynamoDB")."""

Reasons = Sequence[tuple[str | None, Item | None]]
"""Per operation: the code of what was wrong, if anything, and the stored item, if known."""


class Calls:
    """One table's calls. Thread-safe as the client is."""

    def __init__(self, client: Callable[[], Any], table: str) -> None:
        self.table = table
        self._client = client
        self._is_closed = False

    def close(self) -> None:
        """Refuses every later call."""
        self._is_closed = True

    def get(self, key: Item) -> Item | None:
        """Gives the item as it is now."""
        found = self._call("get_item", TableName=self.table, Key=key, ConsistentRead=True)
        item: Item | None = found.get("Item")
        return item

    def get_many(self, keys: Sequence[Item]) -> Iterator[Item]:
        """Gives the items that exist, as they are now, in any order."""
        for start in range(0, len(keys), KEYS_PER_READ):
            wanted: Sequence[Item] = keys[start : start + KEYS_PER_READ]
            while wanted:
                request = {self.table: {"Keys": wanted, "ConsistentRead": True}}
                answer = self._call("batch_get_item", RequestItems=request)
                yield from answer["Responses"].get(self.table, ())
                left = answer.get("UnprocessedKeys", {}).get(self.table, {}).get("Keys", ())
                if len(left) == len(wanted):
                    raise StoreUnavailableError("the table gave none of the rows asked for")
                wanted = left

    def query(self, **request: Any) -> Iterator[Mapping[str, Any]]:
        """Gives the pages of a query, each read when it is asked for."""
        start: Mapping[str, Any] = {}
        while True:
            page = self._call("query", TableName=self.table, **request, **start)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def write(self, operations: Sequence[tuple[str, Mapping[str, Any]]]) -> Reasons:
        """Does all operations or none: (`Put` or `Delete`, its arguments without the table).

        One alone is not made a transaction, which would cost twice as much.

        Returns: nothing when it was done, else why not, per operation.
        """
        named = [(action, {"TableName": self.table, **rest}) for action, rest in operations]
        try:
            if len(named) == 1:
                action, arguments = named[0]
                self._send(f"{action.lower()}_item", **arguments)
            else:
                items = [{action: arguments} for action, arguments in named]
                self._send("transact_write_items", TransactItems=items)
        except ClientError as error:
            return self._reasons(error, len(named))
        except BotoCoreError as error:
            raise self._explain(error) from error
        return ()

    def _reasons(self, error: ClientError, count: int) -> Reasons:
        code = _code(error)
        if code in _REFUSED and count == 1:
            return [(_REFUSED[code], error.response.get("Item"))]
        if code != "TransactionCanceledException":
            raise self._explain(error) from error
        said = error.response.get("CancellationReasons", ())
        reasons = [(each.get("Code", "None"), each.get("Item")) for each in said]
        found = {code for code, _ in reasons}
        if not found & {CONDITION, IN_TRANSACTION}:
            if found & _PASSING:
                raise self._unavailable(error) from error
            raise self._wrong(error) from error
        return [(None if code == "None" else code, item) for code, item in reasons]

    def _call(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        try:
            return self._send(operation, **arguments)
        except (ClientError, BotoCoreError) as error:
            raise self._explain(error) from error

    def _send(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        if self._is_closed:
            raise StoreUnavailableError("the store is closed")
        answer: Mapping[str, Any] = getattr(self._client(), operation)(**arguments)
        return answer

    def _explain(self, error: Exception) -> TielineError:
        if isinstance(error, ClientError):
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            is_passing = _code(error) in _PASSING or status >= 500
        else:
            is_passing = not isinstance(error, _OPERATORS)
        return self._unavailable(error) if is_passing else self._wrong(error)

    def _unavailable(self, error: Exception) -> StoreUnavailableError:
        return StoreUnavailableError(f"table {self.table} cannot be used now: {error}")

    def _wrong(self, error: Exception) -> SettingsError:
        return SettingsError(f"table {self.table} cannot be used: {error}")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
