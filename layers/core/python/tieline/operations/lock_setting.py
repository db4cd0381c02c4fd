"""Settings as locks: held by an execution's id until somebody releases them."""

from __future__ import annotations

from dataclasses import replace

from tieline.errors import ConflictError
from tieline.operations.manage_resources import check_name
from tieline.operations.records import SETTING, Resource, read_body, write_body
from tieline.operations.workspace import WRITE_ATTEMPTS, Workspace
from tieline.ports import Put, Row
from tieline.protocol.ids import RANDOM_BYTES, new_id


def try_acquire_setting(workspace: Workspace, name: str, holder: str) -> bool:
    """Takes the lock unless somebody else holds it; tells whether the holder has it now.

    A setting that does not exist is created with the value null.

    Raises:
        ConflictError: the setting was changed at this very moment; try again.
        InvalidFieldError: no setting can have that name.
    """
    row = workspace.store.get_by_name(SETTING, name)
    if row is None:
        check_name(SETTING, name)
        _create_locked(workspace, name, holder)
        return True
    record = read_body(Resource, row.body)
    if record.locked_by is not None:
        return record.locked_by == holder
    _write(workspace, replace(record, locked_by=holder), row)
    return True


def release_setting(workspace: Workspace, name: str) -> None:
    """Frees the lock, whoever holds it; harmless when nobody does.

    Raises:
        ConflictError: the setting was changed by others too often.
    """
    for _ in range(WRITE_ATTEMPTS):
        row = workspace.store.get_by_name(SETTING, name)
        if row is None:
            return
        record = read_body(Resource, row.body)
        if record.locked_by is None:
            return
        try:
            _write(workspace, replace(record, locked_by=None), row)
        except ConflictError:
            continue
        return
    raise ConflictError(SETTING, name)


def _create_locked(workspace: Workspace, name: str, holder: str) -> None:
    now = workspace.clock.now()
    record = Resource(
        id=new_id(now, workspace.clock.random_bytes(RANDOM_BYTES)),
        name=name,
        value=None,
        created_at=now,
        updated_at=now,
        locked_by=holder,
    )
    body = write_body(record)
    workspace.store.write([Put(Row(kind=SETTING, id=record.id, body=body, name=name))])


def _write(workspace: Workspace, record: Resource, row: Row) -> None:
    workspace.store.write([Put(replace(row, body=write_body(record)))])
