"""FolderClock: what time it is by the clock that stamps the files of a runs folder, which may be another machine's.

Apart from `core.runs.state`, which judges by it, because this is the one thing that a reader writes: a file of no name
beside the runs, gone at once. Never in a run's folder, whose time says that something about the run has changed.
"""

import contextlib
import threading
from pathlib import Path

from core.runs import files
from core.runs.layout import RunsLayout

KEPT_SECONDS = 1.0
"""How long one look at the clock serves: all runs of a list, and whoever looks at them again at once."""


class FolderClock:
    """The clock of runs folders, read at most once in `KEPT_SECONDS` and carried on by the monotonic one."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._read: dict[Path, tuple[float, float]] = {}

    def now(self, root: Path, monotonic: float) -> float | None:
        """Return the time in Unix seconds, as a file written now would have it, or None where nothing can be written.

        Args:
            root: the runs folder.
            monotonic: the monotonic clock's time, in seconds.
        """
        with self._guard:
            read_at, moment = self._read.get(root, (float("inf"), 0.0))
        if 0 <= monotonic - read_at < KEPT_SECONDS:
            return moment + monotonic - read_at
        stamped = _stamped(root)
        if stamped is not None:
            with self._guard:
                self._read[root] = (monotonic, stamped)
        return stamped


def _stamped(root: Path) -> float | None:
    # Where no runner has been there is no folder of runners, and reading is no reason to make it.
    for path in (RunsLayout(root).probe_lock("clock"), root / ".clock"):
        probe = files.aside_of(path)
        try:
            probe.touch(mode=files.FILE_MODE)
            return probe.stat().st_mtime
        except OSError:
            continue
        finally:
            with contextlib.suppress(OSError):
                probe.unlink(missing_ok=True)
    return None
