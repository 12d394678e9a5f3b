"""A dashboard served for a benchmark: what `page_load` and `live_curve` ask."""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from core.runs.store import Store

CHECKOUT = Path(__file__).resolve().parent.parent


@contextlib.contextmanager
def served(store: Store) -> Iterator[tuple[str, int]]:
    """Serve a runs folder on a free port; gives the address and the server's pid, and ends it afterwards."""
    command = [sys.executable, "-m", "dashboard.serve", "--runs", str(store.root)]
    path = store.root.with_suffix(".log")
    with path.open("wb") as log:
        server = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=CHECKOUT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        assert server.stdout is not None
        try:
            said = re.search(r"http://\S+", server.stdout.readline())
            assert said, path.read_text()
            yield said[0], server.pid
        finally:
            server.terminate()
            server.wait(60)
