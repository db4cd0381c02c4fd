"""The embedded host: a whole workspace in one process on one SQLite file."""
