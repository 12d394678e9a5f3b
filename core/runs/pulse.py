"""Pulse: whether anything in a runs folder has changed since somebody looked, for a fraction of what looking costs.

Apart from `core.runs.store`, which reads what has changed: a page that polls asks here first and leaves what it shows
alone as long as the answer is the same. Files are replaced, not rewritten, so the time of a run's folder tells of all
but two: history and heartbeat, which are looked at while the run is under way.
"""

import os
from collections.abc import Sequence

from core.exceptions import CoreError
from core.runs.run import Run
from core.runs.state import ACTIVE
from core.runs.store import Store


def pulse(store: Store, runs: Sequence[Run]) -> int:
    """Return a number that is another one once a list of these runs would look different.

    One `stat` for each run, a few more for those under way. The number means nothing in another process. What it leaves
    out: events and logs of runs that have ended.

    Args:
        store: the runs folder.
        runs: as they were read last.
    """
    seen: list[object] = []
    try:
        # Plain names and paths: for 1,000 runs this is most of what a look costs.
        top = str(store.root)
        names = [name for name in os.listdir(top) if name[0] != "."]
        seen += [(name, os.stat(f"{top}/{name}").st_mtime_ns) for name in names]
    except OSError as error:
        # A folder vanished between two calls, or all of them: in either case it is time to look.
        seen.append(error.errno)
    seen += [_modified(path) for path in (store.layout.trash_dir, store.layout.queue_dir)]
    for run in runs:
        if run.state.state in ACTIVE and run.damaged is None:
            layout = run.layout
            seen += map(_modified, (layout.history, layout.beat, layout.control_dir))
            if run.state.state != "queued":
                seen.append(_derived(store, run))
    return hash(tuple(seen))


def _derived(store: Store, run: Run) -> str:
    """Return a run's state, which its worker's death changes without touching any file."""
    try:
        return store.run(run.id).state.state
    except CoreError:
        return "gone"


def _modified(path: os.PathLike[str]) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return (0, 0)
    return status.st_mtime_ns, status.st_size
