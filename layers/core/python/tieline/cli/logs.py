"""Log lines of a host: words on a terminal, one JSON object a line everywhere else."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import TextIO

# What every record has; the rest is what a call gave as `extra`.
_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {
    "message",
    "asctime",
    "taskName",
}

_SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|tieline_[0-9a-f-]{36}_[\w-]+",
    re.DOTALL,
)
REMOVED = "(secret removed)"


class JsonFormatter(logging.Formatter):
    """Gives a record as one JSON object; facts from `extra` beside `at`, `level`, `message`."""

    def format(self, record: logging.LogRecord) -> str:
        """Gives the line."""
        line: dict[str, object] = {
            "at": _time_of(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **facts_of(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return _without_secrets(json.dumps(line, default=str))


class TextFormatter(logging.Formatter):
    """Gives a record as words for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Gives the line, and the traceback below it when there is one."""
        at = _time_of(record).astimezone().strftime("%H:%M:%S")
        facts = " ".join(
            f"{name}={value}" for name, value in facts_of(record).items() if name != "action"
        )
        text = f"{at} {record.levelname:<7} {record.getMessage()}  {facts}".rstrip()
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return _without_secrets(text)


def set_up_logs(level: str, stream: TextIO | None = None) -> None:
    """Sends log lines of that level and above to a stream, standard error as a rule."""
    target = stream or sys.stderr
    handler = logging.StreamHandler(target)
    handler.setFormatter(TextFormatter() if target.isatty() else JsonFormatter())
    # The root, so that what libraries warn about has the same form.
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("tieline").setLevel(level)


def facts_of(record: logging.LogRecord) -> dict[str, object]:
    """Gives what a call gave as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _time_of(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _without_secrets(text: str) -> str:
    # No caller logs any; this is the second fence, for the texts of foreign errors.
    return _SECRETS.sub(REMOVED, text)
