"""A DynamoDB client that behaves like the real service on a bad day; moto is always well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from contract.aws import TABLE, client_of
from tieline.adapters.dynamodb_table import table_request

OLD_TABLE = "as-it-was"


class BentClient:
    """Passes calls on to moto, except for what is bent."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.arguments: list[dict[str, Any]] = []
        self._client = client_of("dynamodb")
        self._bent: dict[str, Callable[..., Any]] = {}

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            self.calls.append(operation)
            self.arguments.append(arguments)
            return self._bent.get(operation, getattr(self._client, operation))(**arguments)

        return call

    def bend(self, operation: str, instead: Callable[..., Any]) -> None:
        """Lets something else be done."""
        self._bent[operation] = instead

    def refuse(self, operation: str, code: str, status: int = 400, **more: Any) -> None:
        """Lets an operation fail with an error of the service."""

        def fail(**arguments: Any) -> Any:
            del arguments
            raise ClientError(
                {
                    "Error": {"Code": code, "Message": "bent"},
                    "ResponseMetadata": {"HTTPStatusCode": status},
                    **more,
                },
                operation,
            )

        self._bent[operation] = fail

    def lose_answer(self, operation: str) -> None:
        """Lets the request arrive twice, as when the first answer was lost on its way."""
        real = getattr(self._client, operation)

        def twice(**arguments: Any) -> Any:
            del self._bent[operation]
            real(**arguments)
            return real(**arguments)

        self._bent[operation] = twice

    def give_less(self) -> None:
        """Lets a batch give half of what is asked, and the rest when asked again."""
        real = self._client.batch_get_item

        def half(RequestItems: Mapping[str, Any]) -> Any:  # noqa: N803 - the service's word
            keys = RequestItems[TABLE]["Keys"]
            now, later = keys[: -(-len(keys) // 2)], keys[-(-len(keys) // 2) :]
            answer = real(RequestItems={TABLE: {**RequestItems[TABLE], "Keys": now}})
            if later:
                answer["UnprocessedKeys"] = {TABLE: {"Keys": later}}
            return answer

        self._bent["batch_get_item"] = half

    def give_none(self) -> None:
        """Lets a batch give nothing, as a throttled table does."""

        def none(RequestItems: Mapping[str, Any]) -> Any:  # noqa: N803 - the service's word
            keys = RequestItems[TABLE]["Keys"]
            return {"Responses": {}, "UnprocessedKeys": {TABLE: {"Keys": keys}}}

        self._bent["batch_get_item"] = none

    def freeze_indexes(self) -> None:
        """Lets every index show what it shows now, whatever is written later."""
        self._client.create_table(**{**table_request(TABLE), "TableName": OLD_TABLE})
        for item in self._client.scan(TableName=TABLE)["Items"]:
            self._client.put_item(TableName=OLD_TABLE, Item=item)

        def query(**arguments: Any) -> Any:
            if "IndexName" in arguments:
                arguments["TableName"] = OLD_TABLE
            return self._client.query(**arguments)

        self._bent["query"] = query

    def follow(self) -> None:
        """Lets the indexes show the table as it is."""
        del self._bent["query"]
