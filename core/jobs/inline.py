"""InlineExecutor: trains in the calling process, for notebooks, scripts and tests."""

from pathlib import Path

from core.jobs.executor import Gone, Poll
from core.jobs.worker import Worker
from core.runs.run import Run
from core.runs.store import Store


class InlineExecutor:
    """Executes at once and returns when the attempt has ended.

    Args:
        store: the runs folder.
        data_dir: folder of the data sets.
    """

    name = "inline"

    def __init__(self, store: Store, data_dir: Path) -> None:
        self.store = store
        self.data_dir = data_dir
        self.workers: dict[str, Worker] = {}
        self.codes: dict[str, int] = {}

    def submit(self, run: Run, attempt: int) -> str:
        """Train the run to its end."""
        handle = f"{run.id}-{attempt}"
        worker = Worker(
            run.layout, attempt, data_dir=self.data_dir, waits=self.store.observer.waits
        )
        self.workers[handle] = worker
        try:
            self.codes[handle] = worker.work()
        finally:
            del self.workers[handle]
        return handle

    def poll(self, handle: str) -> Poll:
        """Say whether it trains (to another thread), or how it ended."""
        if handle in self.workers:
            return "alive"
        return Gone(self.codes[handle]) if handle in self.codes else "unknown"

    def cancel(self, handle: str, force: bool = False) -> None:
        """Ask a living attempt to stop at its next batch: from another thread, since `submit` waits.

        Nothing more can be forced: its process is the caller's own.
        """
        if handle in self.workers:
            self.workers[handle].is_stopping = True

    def logs(self, handle: str) -> str:
        """Return nothing: what the run prints goes to the calling program's own output."""
        return ""
