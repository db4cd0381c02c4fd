"""The `tieline` command."""
