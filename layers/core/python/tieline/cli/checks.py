"""What a check of an installation finds."""

from __future__ import annotations

from dataclasses import dataclass

from tieline.protocol.values import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at. `cure` says what to do when it is not well."""

    subject: str
    is_ok: bool
    detail: str
    cure: str = ""


def view_check(check: Check) -> JsonObject:
    """Gives a check as JSON."""
    return {
        "subject": check.subject,
        "is_ok": check.is_ok,
        "detail": check.detail,
        "cure": check.cure,
    }
