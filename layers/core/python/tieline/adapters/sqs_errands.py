"""Errands in SQS: what is to run in one queue, what is to be posted in another.

Two queues, because who runs flows must not be able to sign posts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tieline.errors import StoreUnavailableError

BATCH = 10
"""Messages per call (AWS, "Amazon SQS message quotas")."""
MAX_DELAY_SECONDS = 900
"""Longest DelaySeconds (same source)."""


class SqsErrands:
    """Keeps errands until their time; `queues` gives the URL of each action's queue."""

    def __init__(self, client: Callable[[], Any], queues: Mapping[str, str]) -> None:
        """Takes what gives the client; it is asked when something is kept."""
        self._client = client
        self._queues = queues

    def put(self, errands: Sequence[tuple[str, str, int]]) -> None:
        """Keeps errands: (action, id, delay in seconds).

        Raises:
            StoreUnavailableError: some could not be kept; tells how many.
        """
        lost = 0
        for action, url in self._queues.items():
            entries = [
                {
                    "Id": str(number),
                    "MessageBody": json.dumps({action: row_id}),
                    "DelaySeconds": min(delay, MAX_DELAY_SECONDS),
                }
                for number, (kind, row_id, delay) in enumerate(errands)
                if kind == action
            ]
            for start in range(0, len(entries), BATCH):
                lost += self._send(url, entries[start : start + BATCH])
        if lost:
            raise StoreUnavailableError(f"{lost} of {len(errands)} errands could not be queued")

    def _send(self, url: str, entries: Sequence[Mapping[str, object]]) -> int:
        try:
            answer = self._client().send_message_batch(QueueUrl=url, Entries=entries)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailableError("errands could not be queued") from error
        return len(answer.get("Failed", ()))
