"""Tells the user what went wrong: one clear line, or one problem document."""

from __future__ import annotations

import json

from tieline.cli.client import ProblemError
from tieline.cli.printing import note
from tieline.errors import InvalidFieldError, RemoteError, TielineError
from tieline.protocol.values import JsonObject


def report_error(error: TielineError, *, is_json: bool) -> None:
    """Prints an error on standard error."""
    if is_json:
        note(json.dumps(problem_of(error)))
    else:
        note(f"error: {error}")


def problem_of(error: TielineError) -> JsonObject:
    """Gives an error as a problem document (RFC 9457); the workspace's own as it came."""
    if isinstance(error, ProblemError):
        return dict(error.document)
    document: JsonObject = {
        "type": "about:blank",
        "title": "The command failed",
        "detail": error.problem if isinstance(error, InvalidFieldError) else str(error),
        "code": error.code if isinstance(error, RemoteError) else "local",
    }
    if isinstance(error, InvalidFieldError):
        document["field"] = error.field
    return document
