"""What a flow script may catch.

```
EngineException (CloudomationException)
├── ResourceNotFoundError           no such flow, setting, file or execution
├── PermissionDenied                known, but not allowed or not exposed
├── DependencyFailedError           a child ended without success; it is in `.execution`
├── TimeoutExceededError
│   ├── LockTimeoutError                a setting's lock was not free in time
│   ├── DependencyTimeoutError          an execution or another workspace was not ready in time
│   └── MessageResponseTimeoutError     nobody answered a message in time
├── InvalidInputError               an argument that cannot be used; says which and why
├── MissingInputError               something required was not given
└── InternalError                   not the script's fault
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flow_api.execution import Execution


class EngineException(Exception):  # noqa: N818 - the name that scripts know
    """The root of everything the flow API raises."""


CloudomationException = EngineException


class ResourceNotFoundError(EngineException):
    """There is no record of that name or id."""


class PermissionDenied(EngineException):
    """The record is known, but the flow may not do this with it."""


class DependencyFailedError(EngineException):
    """An execution that was waited for ended without success."""

    def __init__(self, message: str = "", execution: Execution | None = None) -> None:
        super().__init__(message)
        self.execution = execution


class TimeoutExceededError(EngineException):
    """Something was not ready in time."""


class LockTimeoutError(TimeoutExceededError):
    """A setting's lock was not free in time."""


class DependencyTimeoutError(TimeoutExceededError):
    """An execution did not end, or another workspace did not answer, in time."""


class MessageResponseTimeoutError(TimeoutExceededError):
    """Nobody answered a message in time."""


class InvalidInputError(EngineException):
    """An argument cannot be used; the message says which and why."""


class MissingInputError(EngineException):
    """Something that is required was not given."""


class InternalError(EngineException):
    """The workspace could not do what was asked; not the script's fault."""


BY_NAME: dict[str, type[EngineException]] = {
    each.__name__: each
    for each in (
        EngineException,
        ResourceNotFoundError,
        PermissionDenied,
        DependencyFailedError,
        TimeoutExceededError,
        LockTimeoutError,
        DependencyTimeoutError,
        MessageResponseTimeoutError,
        InvalidInputError,
        MissingInputError,
        InternalError,
    )
}
"""Every exception by the name under which the workspace answers with it."""
