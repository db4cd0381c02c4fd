"""The host of a process that runs nothing itself."""

from __future__ import annotations


class AbsentHost:
    """The `Runner` and `Hints` of a process that runs nothing: the host looks at the store."""

    def start(self, execution_id: str) -> None:
        """Leaves it to the host."""

    def cancel(self, execution_id: str) -> None:
        """Leaves it to the host."""

    def link_changed(self, link_id: str, *, is_urgent: bool = True) -> None:
        """Leaves it to the host."""

    def config_changed(self, link_id: str) -> None:
        """Leaves it to the host."""

    def execution_changed(self, execution_id: str) -> None:
        """Leaves it to the host."""
