"""What flow scripts import: the workspace (`System`), executions, resources, exceptions.

This package and what it imports is loaded into every flow process: standard library and the
pydantic-free part of tieline only.
"""

from flow_api import exceptions
from flow_api.constants import ReturnWhen, Status
from flow_api.exceptions import (
    CloudomationException,
    DependencyFailedError,
    DependencyTimeoutError,
    EngineException,
    InternalError,
    InvalidInputError,
    LockTimeoutError,
    MessageResponseTimeoutError,
    MissingInputError,
    PermissionDenied,
    ResourceNotFoundError,
    TimeoutExceededError,
)
from flow_api.execution import Execution
from flow_api.resources import File, Flow, Setting
from flow_api.system import System

__all__ = [
    "CloudomationException",
    "DependencyFailedError",
    "DependencyTimeoutError",
    "EngineException",
    "Execution",
    "File",
    "Flow",
    "InternalError",
    "InvalidInputError",
    "LockTimeoutError",
    "MessageResponseTimeoutError",
    "MissingInputError",
    "PermissionDenied",
    "ResourceNotFoundError",
    "ReturnWhen",
    "Setting",
    "Status",
    "System",
    "TimeoutExceededError",
    "exceptions",
]
