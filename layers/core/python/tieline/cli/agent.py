"""`tieline agent`: the workspace without any socket that listens."""

from __future__ import annotations

import os
import threading

from tieline.bootstrap import check_directory
from tieline.cli.command import command, new_group
from tieline.cli.hosting import stop_on_signals
from tieline.cli.logs import set_up_logs
from tieline.cli.printing import say
from tieline.cli.session import Session
from tieline.embedded.host import EmbeddedHost
from tieline.protocol.values import JsonObject

WAKE_SECONDS = 3600.0
"""How long one wait lasts; a wait without an end could not be interrupted on every platform."""

app = new_group("The on-premises side: everything but a web server.")


@command(app, "agent run", "--data-dir /var/lib/tieline agent run")
def run(session: Session) -> None:
    """Runs the workspace: flows, and the links that dial out. Nothing listens."""
    settings = session.settings
    check_directory(settings)
    set_up_logs(settings.log_level)
    stopping = threading.Event()
    host = EmbeddedHost(settings)
    host.start()
    try:
        stop_on_signals(stopping.set)
        name = host.workspace.name
        started: JsonObject = {"name": name, "process_id": os.getpid()}
        session.show(started, lambda: _greet(name))
        while not stopping.wait(WAKE_SECONDS):
            pass
    finally:
        host.stop()


def _greet(name: str) -> None:
    say(f"workspace {name} runs; nothing listens")
    say(f"stop it with Ctrl-C or `kill {os.getpid()}`; a second time stops it at once")
