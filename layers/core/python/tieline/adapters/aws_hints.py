"""The hints that the AWS host needs none of: the table's stream tells what changed."""

from __future__ import annotations


class AwsHints:
    """The `Hints` port where every write is an event of its own already.

    A row that becomes dirty is in the table's stream, which calls `send_changes`; who waits for
    an execution looks at the store. So nothing is said here, and nothing can be lost.
    """

    def link_changed(self, link_id: str, *, is_urgent: bool = True) -> None:
        """Says nothing: the stream carries the row with its dirty mark."""

    def config_changed(self, link_id: str) -> None:
        """Says nothing: no function keeps a sync config."""

    def execution_changed(self, execution_id: str) -> None:
        """Says nothing: who waits looks at the store."""
