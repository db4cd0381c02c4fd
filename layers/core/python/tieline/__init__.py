"""Links two automation workspaces so that each can run flows in the other."""

__version__ = "0.1.0"
