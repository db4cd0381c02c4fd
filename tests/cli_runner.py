"""Calls the command line in this process, and keeps everything that it ever printed."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from fakes import private_pem, public_text
from tieline.cli.main import app

VARIABLES = (
    "DATA_DIRECTORY",
    "PRIVATE_KEY_FILE",
    "HOST",
    "PORT",
    "TLS_CERTIFICATE_FILE",
    "TLS_KEY_FILE",
    "LOG_LEVEL",
    "URL",
    "TOKEN",
    "CA_FILE",
)


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)

    @property
    def problem(self) -> Any:
        """The one problem document on standard error."""
        return json.loads(self.err)


class CommandLine:
    """`tieline` on one data directory, or on the workspace that `environment` names."""

    def __init__(self, directory: Path, **environment: str) -> None:
        self.directory = directory / "data"
        self.files = directory
        self.seen: list[str] = []
        self._environment: dict[str, str | None] = {f"TIELINE_{name}": None for name in VARIABLES}
        self._environment["TIELINE_DATA_DIRECTORY"] = str(self.directory)
        self._environment.update(environment)

    def run(self, *arguments: str, stdin: bytes | None = None) -> Outcome:
        """Runs one command."""
        root, tieline = logging.getLogger(), logging.getLogger("tieline")
        before = (root.handlers, root.level, tieline.level)
        try:
            result = CliRunner().invoke(
                app,
                list(arguments),
                input=stdin,
                env=self._environment,
                catch_exceptions=False,
            )
        finally:
            root.handlers = before[0]
            root.setLevel(before[1])
            tieline.setLevel(before[2])
        self.seen += [result.stdout, result.stderr]
        return Outcome(result.exit_code, result.stdout, result.stderr)

    def ok(self, *arguments: str, stdin: bytes | None = None) -> str:
        """Runs a command that must succeed; gives what it printed."""
        outcome = self.run(*arguments, stdin=stdin)
        assert outcome.code == 0, outcome
        return outcome.out

    def json(self, *arguments: str, stdin: bytes | None = None) -> Any:
        """Runs a command that must succeed with `--json`; gives its document."""
        return json.loads(self.ok("--json", *arguments, stdin=stdin))

    def error(self, *arguments: str) -> str:
        """Runs a command that must fail with one line of words; gives them."""
        outcome = self.run(*arguments)
        assert (outcome.code, outcome.out) == (1, ""), outcome
        assert outcome.err.startswith("error: "), outcome
        assert outcome.err.count("\n") == 1, outcome
        return outcome.err.removeprefix("error: ").strip()

    def init(self, name: str = "here", owner: str = "here") -> CommandLine:
        """Makes the workspace with a key that was made before, since making one is slow."""
        self.ok("init", "--name", name, "--key-file", self.private_file(owner))
        return self

    def file(self, name: str, content: str | bytes) -> str:
        """Writes a local file; gives its path."""
        path = self.files / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def private_file(self, owner: str) -> str:
        return self.file(f"{owner}-private.pem", private_pem(owner))

    def public_file(self, owner: str) -> str:
        return self.file(f"{owner}-public.pem", public_text(owner))

    def check_no_secret_was_printed(self) -> None:
        """Fails when a command printed any part of a private key that tests use."""
        printed = "".join(self.seen)
        assert "-----END PRIVATE" not in printed, "a message may name the BEGIN line only"
        for owner in ("here", "own", "peer", "cloud"):
            for line in private_pem(owner).decode().splitlines()[1:-1]:
                assert line not in printed
