"""A second process for the SQLite suite: prints each id after its write was acknowledged.

Called with the path of the database and how many rows to write; 0 writes for ever.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from contract.store_rows import increment, put_all, row
from tieline.adapters.sqlite_store import SqliteStore

if __name__ == "__main__":
    path, count = Path(sys.argv[1]), int(sys.argv[2])
    store = SqliteStore(path)
    for number in range(count) if count else itertools.count():
        put_all(store, [row(f"child-{number:06}", "x" * 600, dirty_link="l")])
        if count:
            increment(store, "counter")
        sys.stdout.write(f"child-{number:06}\n")
        sys.stdout.flush()
    store.close()
