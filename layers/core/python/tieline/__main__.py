"""`python -m tieline`: the same as the `tieline` command."""

from tieline.cli.main import run

run()
