"""Hands executions to the workers by messages in an SQS queue."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

logger = logging.getLogger(__name__)

MAX_DELAY_SECONDS = 900
"""Longest DelaySeconds (AWS, "Amazon SQS message quotas")."""


class SqsRunner:
    """The `Runner` port: each call is one message with one field, what to do.

    A message is a hint: a worker looks at the store and does what is to be done, so repeating
    one is harmless. One that cannot be sent is logged, and made good by the next sweep.
    """

    def __init__(self, client: Callable[[], Any], queue_url: str) -> None:
        """Takes what gives the client; it is asked when a message is sent."""
        self._client = client
        self._queue_url = queue_url

    def start(self, execution_id: str) -> None:
        """Asks for the execution to be run: `{"run": id}`."""
        self._send("run", execution_id)

    def cancel(self, execution_id: str) -> None:
        """Asks for the end of the execution's flow process: `{"cancel": id}`."""
        self._send("cancel", execution_id)

    def send_link(self, link_id: str, delay_seconds: int = 0) -> None:
        """Asks for a post of the link's changes after a delay: `{"send": id}`."""
        self._send("send", link_id, max(0, min(delay_seconds, MAX_DELAY_SECONDS)))

    def _send(self, action: str, row_id: str, delay_seconds: int = 0) -> None:
        try:
            self._client().send_message(
                QueueUrl=self._queue_url,
                MessageBody=json.dumps({action: row_id}),
                DelaySeconds=delay_seconds,
            )
        except (ClientError, BotoCoreError) as error:
            logger.warning(
                "hint not sent, the sweep will find it",
                extra={"action": "hint_lost", "hint": action, "id": row_id, "detail": str(error)},
            )
