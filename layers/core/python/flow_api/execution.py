"""Executions, as scripts see them: their own, their children and any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

from flow_api.constants import ReturnWhen
from flow_api.exceptions import InvalidInputError, ResourceNotFoundError
from flow_api.log_lines import readable_text
from flow_api.options import check_number, check_return_when, check_time, make_start
from flow_api.record import pick
from flow_api.resources import Flow
from flow_api.session import Session, plain
from tieline.flows.calls import (
    UNSET,
    Cancel,
    Load,
    Pause,
    PauseSelf,
    RunChild,
    Save,
    Sleep,
    SleepUntil,
    StartChild,
    Unset,
    Wait,
)
from tieline.flows.messages import View
from tieline.protocol.plain_json import PlainJson


class Execution:
    """One execution of this workspace or, the same to look at, of one behind a link."""

    def __init__(
        self,
        session: Session,
        execution_id: str,
        view: View | None = None,
        start: StartChild | None = None,
    ) -> None:
        self._session = session
        self._id = execution_id
        self._view = view
        self._start = start

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Execution) and other._id == self._id

    def __hash__(self) -> int:
        return hash(self._id)

    @property
    def id(self) -> str:
        """Gives the execution's id."""
        return self._id

    def get(self, *names: str) -> object:
        """Gives fields as last seen: one value, a tuple of several, or all as an object."""
        if self._view is None:
            self._refresh()
        return pick(self._view or {}, names)

    def load(self, *names: str) -> object:
        """Gives fields as they stand now."""
        self._refresh()
        return pick(self._view or {}, names)

    def exists(self) -> bool:
        """Tells whether there is such an execution."""
        try:
            self._refresh()
        except ResourceNotFoundError:
            return False
        return True

    def run(self, return_when: str = ReturnWhen.ALL_SUCCEEDED) -> Execution:
        """Starts or resumes it and waits; harmless when it has ended."""
        call = RunChild(id=self._id, wait=check_return_when(return_when))
        self._view = self._session.view_of(call)
        return self

    def run_async(self) -> Execution:
        """Starts or resumes it and does not wait."""
        self._view = self._session.view_of(RunChild(id=self._id))
        return self

    def wait(
        self, return_when: str = ReturnWhen.ALL_SUCCEEDED, timeout: float | None = None
    ) -> Execution:
        """Waits until it ended; `timeout` in seconds."""
        _wait(self._session, [self], return_when, timeout)
        return self

    def cancel(self) -> Execution:
        """Asks for its end; does not wait for it."""
        self._view = self._session.view_of(Cancel(id=self._id))
        return self

    def pause(self) -> Execution:
        """Asks it to pause at its next call."""
        self._view = self._session.view_of(Pause(id=self._id))
        return self

    def clone(self, **keywords: object) -> Execution:
        """Creates a child of the running execution like this one, with other options or inputs."""
        return _create(self._session, self._start or self._known_start(), keywords)

    def _known_start(self) -> StartChild:
        view = self.load()
        assert isinstance(view, dict)
        flow_name = view.get("flow_name")
        if not isinstance(flow_name, str):
            raise InvalidInputError(f"{self!r} runs no flow of a name and cannot be cloned")
        link = view.get("remote_workspace_name")
        return StartChild(
            flow_name=flow_name,
            input_value=view.get("input_value"),
            remote_workspace_name=link if isinstance(link, str) else None,
        )

    def _refresh(self) -> None:
        self._view = self._session.view_of(Load(id=self._id))


class RunningExecution(Execution):
    """`this`: the execution that runs the script."""

    def __init__(self, session: Session) -> None:
        # The output begins empty at every run, so that a replayed run saves the same again.
        view = {**session.execution, "output_value": None}
        super().__init__(session, str(view.get("id")), view)

    def success(self, message: object = None) -> NoReturn:
        """Ends the run with ENDED_SUCCESS."""
        self._session.finish("ENDED_SUCCESS", message)

    def error(self, message: object = None) -> NoReturn:
        """Ends the run with ENDED_ERROR."""
        self._session.finish("ENDED_ERROR", message)

    def flow(self, name_or_id: str | Flow, /, **keywords: object) -> Execution:
        """Creates a child that runs a flow; waits for it unless told otherwise."""
        name = name_or_id.name if isinstance(name_or_id, Flow) else name_or_id
        if not isinstance(name, str) or not name:
            raise InvalidInputError(f"{name!r} is not the name of a flow")
        start = StartChild(flow_name=name)
        if isinstance(name_or_id, Flow):
            start = replace(start, remote_workspace_name=name_or_id.remote_workspace_name)
        return _create(self._session, start, keywords)

    def script(self, text: str, /, **keywords: object) -> Execution:
        """Creates a child that runs a script given as text."""
        if not isinstance(text, str):
            raise InvalidInputError(f"the script is {type(text).__name__}, not text")
        return _create(self._session, StartChild(script=text), keywords)

    def wait_for(
        self,
        *executions: Execution,
        return_when: str = ReturnWhen.ALL_SUCCEEDED,
        timeout: float | None = None,
    ) -> list[Execution]:
        """Waits for executions and gives those of them that have ended, in their order."""
        _wait(self._session, list(executions), return_when, timeout)
        return [each for each in executions if str(each.get("status")).startswith("ENDED")]

    def save(
        self,
        *,
        output_value: object = UNSET,
        message: str | Unset = UNSET,
        name: str | Unset = UNSET,
    ) -> RunningExecution:
        """Writes the output, the message or the name while running."""
        given: dict[str, PlainJson] = {}
        for field, value in (("output_value", output_value), ("message", message), ("name", name)):
            if value is not UNSET:
                given[field] = plain(field, value)
        for field in given.keys() - {"output_value"}:
            if not isinstance(given[field], str):
                raise InvalidInputError(f"{field} is {type(given[field]).__name__}, not text")
        self._session.call(Save(**given))  # type: ignore[arg-type] # checked just above
        if "output_value" in given:
            self._session.set_output(given["output_value"])
        self._view = {**(self._view or {}), **given}
        return self

    def set_output(self, *key_and_value: object, **pairs: object) -> RunningExecution:
        """Sets the whole output (one value), one key of it (key, value), or several (k=v)."""
        if len(key_and_value) == 1 and not pairs:
            return self.save(output_value=key_and_value[0])
        more = dict(pairs)
        if len(key_and_value) == 2 and isinstance(key_and_value[0], str):
            more = {key_and_value[0]: key_and_value[1], **pairs}
        elif key_and_value or not pairs:
            raise InvalidInputError("set_output takes (value), (key, value) or (key=value)")
        current = {} if self._session.output_value is None else self._session.output_value
        if not isinstance(current, dict):
            raise InvalidInputError("the output is not an object, so it has no keys to set")
        return self.save(output_value={**current, **more})

    def log(self, *values: object, **fields: object) -> None:
        """Writes one line to the log: values as text, keywords as fields."""
        if len(values) == 1 and isinstance(values[0], Mapping) and not fields:
            self._session.log("log", "", {str(name): each for name, each in values[0].items()})
        else:
            self._session.log("log", " ".join(map(readable_text, values)), fields)

    def sleep(self, seconds: float) -> RunningExecution:
        """Sleeps, durably."""
        self._session.call(Sleep(seconds=check_number("seconds", seconds)))
        return self

    def sleep_until(self, epoch: float) -> RunningExecution:
        """Sleeps until seconds since 1970 (or a datetime with a zone), durably."""
        self._session.call(SleepUntil(epoch=check_time("epoch", epoch)))
        return self

    def pause(self) -> RunningExecution:
        """Pauses until somebody resumes it."""
        self._session.call(PauseSelf())
        return self


def _create(session: Session, start: StartChild, keywords: Mapping[str, object]) -> Execution:
    call = make_start(start, keywords)
    view = session.view_of(call)
    return Execution(session, str(view["id"]), view, call)


def _wait(
    session: Session, executions: list[Execution], return_when: str, timeout: float | None
) -> None:
    for each in executions:
        if not isinstance(each, Execution):
            raise InvalidInputError(f"{each!r} is not an execution")
    if not executions:
        return
    call = Wait(
        ids=[each.id for each in executions],
        return_when=check_return_when(return_when),
        timeout=None if timeout is None else check_number("timeout", timeout),
    )
    views = session.call(call)
    for execution, view in zip(executions, views if isinstance(views, list) else [], strict=False):
        if isinstance(view, dict):
            execution._view = view
