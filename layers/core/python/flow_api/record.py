"""How fields are picked from a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flow_api.exceptions import InvalidInputError
from tieline.protocol.plain_json import PlainJson


def pick(record: Mapping[str, object], names: Sequence[str]) -> object:
    """Gives one value for one name, a tuple for several, a copy of all for none.

    Raises:
        InvalidInputError: there is no field of that name.
    """
    if not names:
        return dict(record)
    values = tuple(_field(record, name) for name in names)
    return values[0] if len(values) == 1 else values


def _field(record: Mapping[str, object], name: str) -> object:
    if name not in record:
        raise InvalidInputError(f"there is no field {name!r}; there are {', '.join(record)}")
    return record[name]


class Record:
    """A record that can only be read, such as the user for whom the flow runs."""

    def __init__(self, fields: Mapping[str, PlainJson]) -> None:
        self._fields = dict(fields)

    def __repr__(self) -> str:
        return f"<Record {self._fields.get('name')}>"

    def get(self, *names: str) -> object:
        """Gives one field's value, or a tuple of several."""
        return pick(self._fields, names)

    def load(self, *names: str) -> object:
        """Gives the same as `get`; the record does not change while the flow runs."""
        return pick(self._fields, names)
