"""`tieline key`."""

from __future__ import annotations

from tieline.cli.client import object_of, path_to
from tieline.cli.command import command, new_group
from tieline.cli.printing import say
from tieline.cli.session import Session

app = new_group("The workspace's key; only its public half is ever shown.")


@command(app, "key show", "--json key show")
def show(session: Session) -> None:
    """Prints the public key, to paste into the other side's sync config, and its fingerprint."""
    workspace = object_of(session.client.request("GET", path_to("workspace")))
    shown = {name: workspace[name] for name in ("name", "public_key", "fingerprint")}

    def write() -> None:
        say(str(workspace["public_key"]).removesuffix("\n"))
        say(f"fingerprint: {workspace['fingerprint']}")

    session.show(shown, write)
