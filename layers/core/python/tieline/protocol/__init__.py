"""The sync protocol without any input or output: bytes, records and time come as arguments."""
