"""The workspace, as scripts see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, TypeVar

from flow_api.constants import ReturnWhen, Status
from flow_api.exceptions import InvalidInputError
from flow_api.execution import Execution
from flow_api.record import Record
from flow_api.resources import File, Flow, Resource, Setting
from flow_api.session import Session, plain
from tieline.flows.calls import ResourceList, WorkspaceInfo
from tieline.flows.messages import View
from tieline.protocol.plain_json import PlainJson

Filter: TypeAlias = Mapping[str, object] | Sequence[Mapping[str, object]] | None
AnyResource = TypeVar("AnyResource", bound=Resource)


class System:
    """References to every record, and who we are.

    `remote_workspace_name` names a sync config; the record is then the other workspace's.
    """

    return_when = ReturnWhen
    status = Status

    def __init__(self, session: Session) -> None:
        self._session = session

    def flow(
        self, name: str, /, *, remote_workspace_name: str | None = None, **fields: object
    ) -> Flow:
        """Gives a flow; keywords are saved at once."""
        return self._reference(Flow, name, remote_workspace_name, fields)

    def setting(
        self, name: str, /, *, remote_workspace_name: str | None = None, **fields: object
    ) -> Setting:
        """Gives a setting; keywords are saved at once."""
        return self._reference(Setting, name, remote_workspace_name, fields)

    def file(
        self, name: str, /, *, remote_workspace_name: str | None = None, **fields: object
    ) -> File:
        """Gives a file; keywords are saved at once."""
        return self._reference(File, name, remote_workspace_name, fields)

    def execution(self, execution_id: str, /) -> Execution:
        """Gives an execution."""
        if not isinstance(execution_id, str) or not execution_id:
            raise InvalidInputError(f"{execution_id!r} is not the id of an execution")
        return Execution(self._session, execution_id)

    def flows(
        self,
        filter: Filter = None,  # noqa: A002
        *,
        remote_workspace_name: str | None = None,
    ) -> Iterator[Flow]:
        """Gives all flows that match the filter."""
        return self._resources(Flow, filter, remote_workspace_name)

    def settings(
        self,
        filter: Filter = None,  # noqa: A002
        *,
        remote_workspace_name: str | None = None,
    ) -> Iterator[Setting]:
        """Gives all settings that match the filter."""
        return self._resources(Setting, filter, remote_workspace_name)

    def files(
        self,
        filter: Filter = None,  # noqa: A002
        *,
        remote_workspace_name: str | None = None,
    ) -> Iterator[File]:
        """Gives all files that match the filter."""
        return self._resources(File, filter, remote_workspace_name)

    def executions(
        self,
        filter: Filter = None,  # noqa: A002
        *,
        remote_workspace_name: str | None = None,
    ) -> Iterator[Execution]:
        """Gives all executions that match the filter, newest first."""
        for view in self._records("execution", filter, remote_workspace_name):
            yield Execution(self._session, str(view["id"]), view)

    def get_env_name(self) -> str:
        """Gives the name of the environment this workspace is."""
        return str(self._session.view_of(WorkspaceInfo())["env"])

    def get_own_user(self) -> Record:
        """Gives the user, or the link, for whom the flow runs."""
        user = self._session.view_of(WorkspaceInfo()).get("user")
        return Record(user if isinstance(user, dict) else {"name": user})

    def get_own_workspace(self) -> Record:
        """Gives the workspace that runs the flow."""
        return Record(self._session.view_of(WorkspaceInfo()))

    get_own_client = get_own_workspace

    def _reference(
        self,
        kind: type[AnyResource],
        name: str,
        remote_workspace_name: str | None,
        fields: dict[str, object],
    ) -> AnyResource:
        found = kind(self._session, name, remote_workspace_name)
        return found.save(**fields) if fields else found

    def _resources(
        self, kind: type[AnyResource], conditions: Filter, remote_workspace_name: str | None
    ) -> Iterator[AnyResource]:
        for record in self._records(kind.KIND, conditions, remote_workspace_name):
            yield kind(self._session, str(record["name"]), remote_workspace_name, record)

    def _records(
        self, kind: str, conditions: Filter, remote_workspace_name: str | None
    ) -> Iterator[View]:
        checked = _check_filter(conditions)
        after: str | None = None
        while True:
            call = ResourceList(
                kind=kind, filter=checked, after=after, remote_workspace_name=remote_workspace_name
            )
            page = self._session.view_of(call)
            items, cursor = page.get("items"), page.get("next")
            for item in items if isinstance(items, list) else []:
                if isinstance(item, dict):
                    yield item
            if not isinstance(cursor, str):
                return
            after = cursor


def _check_filter(conditions: Filter) -> list[PlainJson] | None:
    if conditions is None:
        return None
    checked = [conditions] if isinstance(conditions, Mapping) else list(conditions)
    for each in checked:
        if not isinstance(each, Mapping) or set(each) != {"field", "op", "value"}:
            raise InvalidInputError(f"filter {each!r} has not exactly field, op and value")
    return [plain("filter", dict(each)) for each in checked]
