"""Runs one script to its end; the end is a value, whatever the script does."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable

from flow_api.execution import RunningExecution
from flow_api.session import Session
from flow_api.signals import FlowSignal
from flow_api.system import System
from tieline.errors import OutputError, ScriptError
from tieline.flows.messages import End, Start
from tieline.protocol.plain_json import check_json
from tieline.runner.failure import describe, remember_source, script_filename, shorten
from tieline.runner.linux import release_memory_reserve

MODULE_NAME = "flow_script"
"""Under which `dataclasses`, `pickle` and `typing` find what the script defines."""

Handler = Callable[..., object]


def run_script(session: Session, start: Start) -> End:
    """Runs the script's handler and gives how it ended."""
    try:
        value = _run_handler(session, start)
        return signal_end(session) or _success(session, value)
    except FlowSignal as signal:
        # Raised by a thread's or a destructor's hand it may differ; the first one counts.
        return signal_end(session) or _end(session, signal.status, signal.message)
    except (ScriptError, OutputError) as error:
        return signal_end(session) or _failed(session, str(error))
    except SystemExit as error:
        return signal_end(session) or _failed(session, _exit_message(error))
    except MemoryError as error:
        release_memory_reserve()
        return _raised(session, error)
    except BaseException as error:  # noqa: BLE001 - whatever a script raises is its end
        return _raised(session, error)


def signal_end(session: Session) -> End | None:
    """Gives the end that `this.success`, `this.error` or a cancel decided, None without one."""
    signal = session.signal
    return None if signal is None else _end(session, signal.status, signal.message)


def _run_handler(session: Session, start: Start) -> object:
    # Cancelled before it began.
    if session.signal is not None:
        return None
    handler = _load_handler(start)
    arguments: list[object] = [System(session), RunningExecution(session)]
    if _takes(handler, 3):
        arguments.append({} if start.input_value is None else start.input_value)
    elif not _takes(handler, 2):
        raise ScriptError("handler must take (system, this) or (system, this, inputs)")
    return handler(*arguments)


def _load_handler(start: Start) -> Handler:
    filename = script_filename(start.execution.get("flow_name"))
    remember_source(filename, start.script)
    module = types.ModuleType(MODULE_NAME)
    module.__file__ = filename
    sys.modules[MODULE_NAME] = module
    code = compile(start.script, filename, "exec", dont_inherit=True)
    exec(code, module.__dict__)  # noqa: S102 - running scripts is what a flow process is for
    handler: Handler | None = module.__dict__.get("handler")
    if handler is None:
        raise ScriptError("the script defines no function `handler(system, this)`")
    if not callable(handler):
        raise ScriptError(f"`handler` is {type(handler).__name__}, not a function")
    if _flags(handler) & inspect.CO_COROUTINE:
        raise ScriptError("`handler` is an async function; a flow's handler is a plain one")
    return handler


def _flags(handler: Handler) -> int:
    return handler.__code__.co_flags if isinstance(handler, types.FunctionType) else 0


def _takes(handler: Handler, count: int) -> bool:
    if isinstance(handler, types.FunctionType):
        code, most = handler.__code__, handler.__code__.co_argcount
        least = most - len(handler.__defaults__ or ())
        if not code.co_kwonlyargcount and not code.co_flags & inspect.CO_VARARGS:
            return least <= count <= most
    try:
        inspect.signature(handler).bind(*range(count))
    except TypeError:
        return False
    return True


def _success(session: Session, value: object) -> End:
    if value is not None:
        try:
            check_json(value)
        except OutputError as error:
            raise OutputError(f"the handler's return value is not JSON: {error}") from None
        if not session.has_output:
            session.set_output(value)  # type: ignore[arg-type] # just checked
    return _end(session, "ENDED_SUCCESS", None)


def _raised(session: Session, error: BaseException) -> End:
    message = describe(error)
    decided = signal_end(session)
    if decided is None:
        return _failed(session, message)
    # The run was over already; what its clean-up raised must not be lost silently.
    session.log("stderr", message, {})
    return decided


def _failed(session: Session, message: str) -> End:
    return _end(session, "ENDED_ERROR", message, "failed")


def _end(session: Session, status: str, message: str | None, code: str | None = None) -> End:
    if status == "ENDED_ERROR":
        code = "failed"
    text = None if message is None else shorten(message).encode(errors="replace").decode()
    return End(
        status=status,
        code=code,
        message=text,
        output_value=session.output_value,
        has_output=session.has_output,
    )


def _exit_message(error: SystemExit) -> str:
    return (
        f"the script ended the interpreter (SystemExit: {error.code}); "
        "end a flow by this.success(), this.error() or by returning"
    )
