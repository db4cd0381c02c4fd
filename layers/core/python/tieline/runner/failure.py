"""Tells an author what went wrong in a script: its own frames, with their lines."""

from __future__ import annotations

import linecache
import traceback
from pathlib import Path

import flow_api
from tieline.flows.limits import MAX_MESSAGE_CHARACTERS

_OURS = tuple(f"{Path(str(each)).resolve().parent}/" for each in (flow_api.__file__, __file__))


def script_filename(flow_name: object) -> str:
    """Gives the name under which a script's frames are shown."""
    return f"<flow {flow_name}>" if isinstance(flow_name, str) and flow_name else "<script>"


def remember_source(filename: str, script: str) -> None:
    """Lets tracebacks show the lines of a script that is no file."""
    lines = script.splitlines(keepends=True)
    linecache.cache[filename] = (len(script), None, lines, filename)


def describe(error: BaseException) -> str:
    """Gives the traceback without our frames, cut in its middle when it is very long."""
    told = traceback.TracebackException.from_exception(error, compact=True)
    _drop_our_frames(told, set())
    return shorten("".join(told.format()).rstrip())


def shorten(message: str) -> str:
    """Gives a message that is not too long: its beginning and its end."""
    if len(message) <= MAX_MESSAGE_CHARACTERS:
        return message
    half = MAX_MESSAGE_CHARACTERS // 2
    return f"{message[:half]}\n... {len(message) - 2 * half} characters cut ...\n{message[-half:]}"


def _drop_our_frames(told: traceback.TracebackException, seen: set[int]) -> None:
    if id(told) in seen:
        return
    seen.add(id(told))
    told.stack = traceback.StackSummary.from_list(
        [frame for frame in told.stack if not frame.filename.startswith(_OURS)]
    )
    inner = getattr(told, "exceptions", None) or []
    for each in (told.__cause__, told.__context__, *inner):
        if each is not None:
            _drop_our_frames(each, seen)
