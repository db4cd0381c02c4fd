"""When a wait for executions is over, and whether it was in vain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tieline.protocol.states import Status


class ReturnWhen(StrEnum):
    """What a flow waits for; the names are the flow API's."""

    ALL_ENDED = "ALL_ENDED"
    ALL_SUCCEEDED = "ALL_SUCCEEDED"
    FIRST_ENDED = "FIRST_ENDED"
    FIRST_SUCCEEDED = "FIRST_SUCCEEDED"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the wait is over. `failed` is the index of the execution that made it vain."""

    is_over: bool
    failed: int | None = None


def judge_wait(statuses: Sequence[Status], return_when: ReturnWhen) -> Verdict:
    """Decides about a wait from the statuses of what is waited for, in their order.

    * ALL_ENDED: over when all ended; never vain.
    * ALL_SUCCEEDED: over when all succeeded; vain as soon as one ended otherwise.
    * FIRST_ENDED: over when one ended; never vain.
    * FIRST_SUCCEEDED: over when one succeeded; vain when all ended and none did.
    """
    ended = [status.is_ended for status in statuses]
    succeeded = [status == Status.ENDED_SUCCESS for status in statuses]
    failed = [done and not good for done, good in zip(ended, succeeded, strict=True)]
    first_failed = failed.index(True) if any(failed) else None
    if return_when == ReturnWhen.ALL_ENDED:
        return Verdict(all(ended))
    if return_when == ReturnWhen.FIRST_ENDED:
        return Verdict(any(ended) or not ended)
    if return_when == ReturnWhen.FIRST_SUCCEEDED:
        if any(succeeded) or not ended:
            return Verdict(True)
        return Verdict(True, first_failed) if all(ended) else Verdict(False)
    if first_failed is not None:
        return Verdict(True, first_failed)
    return Verdict(all(ended))
