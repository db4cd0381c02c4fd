"""What a Lambda function works with: opened at its first event, kept for the later ones.

Nothing is read or opened at import.
"""

from __future__ import annotations

import logging
import os
from functools import cache
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

from tieline.errors import SettingsError

if TYPE_CHECKING:
    from tieline.operations.run_due import ErrandQueue
    from tieline.operations.workspace import Workspace
    from tieline.ports import Changes, Processes

logger = logging.getLogger(__name__)


@cache
def open_here() -> Workspace:
    """Gives the workspace that the function's environment names.

    Raises:
        SettingsError: names the variable that is missing or wrong.
    """
    from tieline.bootstrap_aws import open_workspace_aws  # noqa: PLC0415 - boto takes its time
    from tieline.config import read_aws_settings  # noqa: PLC0415

    try:
        return open_workspace_aws(read_aws_settings(os.environ))
    except SettingsError as error:
        logger.error("workspace not opened: %s", error, extra={"action": "settings_wrong"})
        raise


@cache
def open_errands() -> ErrandQueue:
    """Gives the queues of this stack.

    Raises:
        SettingsError: names the variable that is missing.
    """
    import boto3  # noqa: PLC0415

    from tieline.adapters.sqs_errands import SqsErrands  # noqa: PLC0415
    from tieline.config import read_aws_settings  # noqa: PLC0415

    settings = read_aws_settings(os.environ)
    if not settings.send_queue_url:
        raise SettingsError("TIELINE_SEND_QUEUE_URL: is missing; it is the URL of a queue")
    queues = {"run": settings.queue_url, "send": settings.send_queue_url}
    return SqsErrands(cache(lambda: boto3.client("sqs")), queues)


@cache
def open_processes_here() -> Processes:
    """Gives the maker of flow processes; its zygote stays between events.

    The function's environment holds its role's credentials, and flows run as the same user: so
    this process is hidden from them, and theirs begins with an environment of its own.
    """
    from tieline.bootstrap import open_processes  # noqa: PLC0415
    from tieline.runner.linux import hide_from_others  # noqa: PLC0415

    hide_from_others()
    return open_processes(Path(gettempdir()) / "tieline", hold_fds=())


@cache
def open_changes() -> Changes:
    """Gives the look-out over the workspace's store."""
    from tieline.adapters.polling_changes import PollingChanges  # noqa: PLC0415

    workspace = open_here()
    return PollingChanges(workspace.store, workspace.clock)
