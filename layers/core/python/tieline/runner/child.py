"""What happens in a flow process between its fork and its end."""

from __future__ import annotations

import os
import signal
import socket
import types
from dataclasses import dataclass
from typing import NoReturn

from flow_api.session import Session
from flow_api.signals import CancelSignal
from tieline.flows.frames import FrameError
from tieline.flows.messages import End, Start, read_start
from tieline.runner.channel import PipeChannel
from tieline.runner.linux import apply_limits
from tieline.runner.output import Output
from tieline.runner.script import run_script, signal_end

EXIT_BAD_START = 70
"""Exit status when the first frame was no start frame; EX_SOFTWARE of sysexits(3)."""


BLOCKED_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
"""Held back in the zygote and, until it can answer them, in a flow process."""


@dataclass(slots=True)
class Running:
    """The flow of this process; `is_script` tells whether SIGTERM may raise in it."""

    session: Session | None = None
    channel: PipeChannel | None = None
    is_script: bool = False


_RUNNING = Running()
OUTPUT = Output()


def run_child(connection: socket.socket) -> NoReturn:
    """Waits for the start frame, runs the flow, says how it ended, and exits."""
    pid = os.getpid()
    channel = PipeChannel(connection)
    try:
        start = read_start(channel.receive())
    except FrameError:
        os._exit(EXIT_BAD_START)
    os.register_at_fork(after_in_child=channel.disconnect)
    session = Session(channel, start.execution, lambda: _give_up(channel, session))
    finish_output = OUTPUT.attach(session.log)
    end = _run(session, start, channel)
    if os.getpid() == pid:
        finish_output()
        _send_end(channel, end)
    os._exit(0)


def _run(session: Session, start: Start, channel: PipeChannel) -> End:
    _RUNNING.session, _RUNNING.channel = session, channel
    signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED_SIGNALS)
    try:
        apply_limits(start.limits)
        _RUNNING.is_script = True
        end = run_script(session, start)
        _RUNNING.is_script = False
    except CancelSignal as cancelled:
        # It came between the script's last line and this one.
        _RUNNING.is_script = False
        end = signal_end(session) or End(status=cancelled.status, message=cancelled.message)
    return end


def answer_signals() -> None:
    """Installs what SIGTERM does in a flow; before the fork, since that costs every flow less."""
    signal.signal(signal.SIGTERM, _cancel)


def _cancel(_number: int, _frame: types.FrameType | None) -> None:
    session, channel = _RUNNING.session, _RUNNING.channel
    if session is not None and channel is not None and session.signal is None:
        session.signal = CancelSignal()
        if _RUNNING.is_script:
            channel.raise_or_hold(session.signal.again())


def _give_up(channel: PipeChannel, session: Session) -> None:
    """Ends the process of a script that catches every signal, again and again."""
    end = signal_end(session)
    assert end is not None
    _send_end(channel, end)


def _send_end(channel: PipeChannel, end: End) -> None:
    try:
        channel.send_last(end.as_frame())
    except FrameError as error:
        message = f"the output cannot be kept: {error}"
        channel.send_last(End(status="ENDED_ERROR", code="failed", message=message).as_frame())
