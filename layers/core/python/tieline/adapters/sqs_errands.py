"""Errands in SQS: what is to run in one queue, what is to be posted in another.

Two queues, because who runs flows must not be able to sign posts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tieline.errors import StoreUnavailableError

MAX_DELAY_SECONDS = 900
"""Longest DelaySeconds (AWS, "Amazon SQS message quotas")."""


class SqsErrands:
    """Keeps errands until their time; `queues` gives the URL of each action's queue."""

    def __init__(self, client: Callable[[], Any], queues: Mapping[str, str]) -> None:
        """Takes what gives the client; it is asked when something is kept."""
        self._client = client
        self._queues = queues

    def put(self, errands: Sequence[tuple[str, str, int]]) -> None:
        """Keeps errands: (action, id, delay in seconds); one that fails does not stop the others.

        One call each: the right to send a batch has a name of its own in some clouds, and a
        sweep has few.

        Raises:
            StoreUnavailableError: some could not be kept; tells how many.
        """
        lost = 0
        reason: Exception | None = None
        for action, row_id, delay in errands:
            try:
                self._client().send_message(
                    QueueUrl=self._queues[action],
                    MessageBody=json.dumps({action: row_id}),
                    DelaySeconds=min(delay, MAX_DELAY_SECONDS),
                )
            except (ClientError, BotoCoreError) as error:
                lost, reason = lost + 1, error
        if lost:
            message = f"{lost} of {len(errands)} errands could not be queued"
            raise StoreUnavailableError(message) from reason
