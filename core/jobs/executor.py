"""Executor: the small protocol by which a queued attempt gets executed, here or elsewhere.

The command is always the same worker on a run folder, so every executor obeys the same rules of the folder. Progress is
read from the folder, never from an executor.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from core.runs.run import Run

EXIT_LOCKED = 75
"""A worker's exit status: it could not take its locks; the attempt is queued again."""

EXIT_FENCED = 76
"""A worker's exit status: a later attempt has taken over, and it wrote nothing more."""


@dataclass(frozen=True)
class Gone:
    """The attempt's process has ended.

    Attributes:
        code: its exit status, negative for a signal; None when nobody saw it.
    """

    code: int | None


Poll = Literal["pending", "alive", "unknown"] | Gone


LONGEST_LOG = 2**20
"""Bytes of a log that `Executor.logs` returns at most, from its end."""


class Executor(Protocol):
    """Gets attempts executed. A handle is a string that may be kept and asked later.

    Attributes:
        name: as `run.json` records it.
    """

    name: str

    def submit(self, run: Run, attempt: int) -> str:
        """Have an attempt executed, now or when there is room; return its handle."""
        ...

    def poll(self, handle: str) -> Poll:
        """Say what has become of it."""
        ...

    def cancel(self, handle: str, force: bool = False) -> None:
        """Ask a living attempt to stop at its next batch.

        Args:
            handle: of the attempt; one that has ended, or that another has followed, is left alone.
            force: kill its process instead, where it has one of its own: it goes on from its last checkpoint if resumed.
        """
        ...

    def logs(self, handle: str) -> str:
        """Return the end of what the run has printed, this attempt's and those before; "" where nobody keeps that."""
        ...
