"""The one conversation between a running script and its workspace."""

from __future__ import annotations

import json
from _thread import allocate_lock
from collections.abc import Callable, Mapping
from typing import NoReturn, Protocol

from flow_api import exceptions
from flow_api.log_lines import log_line
from flow_api.signals import EndSignal, FlowSignal, is_in_flight
from tieline.errors import OutputError
from tieline.flows.calls import Call
from tieline.flows.frames import Frame, FrameError
from tieline.flows.messages import View, call_frame, log_frame
from tieline.protocol.plain_json import PlainJson, check_json, dump_json

SWALLOWED_LIMIT = 100
"""How often a script may swallow its end before the run is ended without it."""


class Channel(Protocol):
    """The flow's end of the pipe."""

    def exchange(self, sequence: int, frame: Frame) -> Frame:
        """Sends a call and gives its answer."""

    def send(self, frame: Frame) -> None:
        """Sends a frame that is not answered."""


class Session:
    """Numbers and sends calls; remembers that the run is over once it is.

    `signal` is the first thing that ended the run; later ones change nothing. `output_value` is
    what the script saved (`has_output`). `give_up` ends the process when the script swallows
    every signal; it may be absent in tests.
    """

    def __init__(
        self,
        channel: Channel,
        execution: View,
        give_up: Callable[[], None] | None = None,
    ) -> None:
        self.execution = execution
        self.signal: FlowSignal | None = None
        self.output_value: PlainJson = None
        self.has_output = False
        self._channel = channel
        self._give_up = give_up
        # `threading` itself would cost every fork a fifth of its time, for its fork hook.
        self._calls = allocate_lock()
        self._sequence = 0
        self._swallowed = 0

    def call(self, call: Call) -> PlainJson:
        """Makes one call and gives its answer.

        Raises:
            EngineException: the class that the workspace answered with.
            FlowSignal: the run is over and the script goes on nevertheless.
        """
        self._refuse_after_end()
        with self._calls:
            self._sequence += 1
            try:
                answer = self._channel.exchange(self._sequence, call_frame(self._sequence, call))
            except FrameError as error:
                raise exceptions.InvalidInputError(f"{call.NAME}: {error}") from error
        if answer["kind"] == "error":
            raise self._error_of(answer)
        return answer.get("value")

    def view_of(self, call: Call) -> View:
        """Makes one call that is answered with an object."""
        answer = self.call(call)
        if not isinstance(answer, dict):
            raise exceptions.InternalError(f"{call.NAME} was not answered with an object")
        return answer

    def log(self, stream: str, message: str, fields: Mapping[str, object]) -> None:
        """Sends one line of the log."""
        self._channel.send(log_frame(log_line(stream, message, fields)))

    def finish(self, status: str, message: object) -> NoReturn:
        """Ends the run, now or, when that is swallowed, at the next call."""
        self._refuse_after_end()
        if self.signal is None:
            text = message if message is None or isinstance(message, str) else str(message)
            self.signal = EndSignal(status, text)
        raise self.signal.again()

    def set_output(self, value: PlainJson) -> None:
        """Remembers what the script saved as its output."""
        self.output_value = value
        self.has_output = True

    def _refuse_after_end(self) -> None:
        if self.signal is None or is_in_flight():
            return
        self._swallowed += 1
        if self._swallowed > SWALLOWED_LIMIT and self._give_up is not None:
            self._give_up()
        raise self.signal.again()

    def _error_of(self, answer: Frame) -> exceptions.EngineException:
        kind = exceptions.BY_NAME.get(str(answer.get("type")), exceptions.InternalError)
        message = str(answer.get("message"))
        view = answer.get("execution")
        if kind is not exceptions.DependencyFailedError:
            return kind(message)
        from flow_api.execution import Execution  # noqa: PLC0415 - executions know sessions

        execution = Execution(self, str(view["id"]), view) if isinstance(view, dict) else None
        return exceptions.DependencyFailedError(message, execution)


def plain(what: str, value: object) -> PlainJson:
    """Gives a copy of a script's value that is nothing but JSON.

    Raises:
        InvalidInputError: it is not; names the argument and the path in it.
    """
    try:
        check_json(value)
    except OutputError as error:
        raise exceptions.InvalidInputError(f"{what}: {error}") from None
    copy: PlainJson = json.loads(dump_json(value))
    return copy


def plain_object(what: str, value: object) -> dict[str, PlainJson]:
    """Gives a copy of a script's value that is a JSON object.

    Raises:
        InvalidInputError: it is not; names the argument and the path in it.
    """
    copy = plain(what, value)
    if not isinstance(copy, dict):
        raise exceptions.InvalidInputError(f"{what} is {type(value).__name__}, not an object")
    return copy
