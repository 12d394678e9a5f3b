"""Quotas: how much one person may use, asked before a run is made, before it starts and while it trains.

The numbers are `core.jobs.people.Limits`. A refusal names its limit. It leaves out who may do what (`permissions`).
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from core.exceptions import NotAllowed
from core.jobs import permissions
from core.jobs.people import NO_LIMITS, people_of
from core.runs import history
from core.runs.layout import RunLayout
from core.runs.state import ACTIVE
from core.runs.store import Store

_ASK = "An administrator can raise it."


def require_room(store: Store, by: str, epochs: Sequence[int]) -> None:
    """Refuse runs that would take somebody over a limit, or whom nobody lets start any.

    Args:
        store: the runs folder.
        by: who asks.
        epochs: most epochs of each run that is to be queued.

    Raises:
        NotAllowed: they may start no runs, or a limit would be exceeded; the text names it.
    """
    permissions.require_to("submit", store.root, by)
    limits = people_of(store.root).limits_of(by)
    if limits == NO_LIMITS or not epochs:
        return
    if limits.epochs is not None and max(epochs) > limits.epochs:
        raise NotAllowed(
            f"max_epochs must be at most {limits.epochs}, the limit of epochs of a run here; got {max(epochs)}. {_ASK}"
        )
    own = [run for run in store.runs() if str(run.spec.get("owner")).casefold() == by.casefold()]
    active = sum(run.state.state in ACTIVE for run in own)
    if limits.queued is not None:
        most = limits.queued + (limits.running or 0)
        if active + len(epochs) > most:
            raise NotAllowed(
                f"You have {active} runs that wait or train and want {len(epochs)} more; the limit is {limits.queued} "
                f"queued runs beside {limits.running or 0} running. Wait until some have ended. {_ASK}"
            )
    if limits.disk_gb is not None:
        used = sum(_bytes_of(run.layout.path) for run in own) / 1e9
        if used >= limits.disk_gb:
            raise NotAllowed(
                f"Your runs take {used:.1f} GB; the limit of disk space is {limits.disk_gb:g} GB. Delete some. {_ASK}"
            )


def may_start(owner: str, running: Mapping[str, int], root: Path) -> bool:
    """Return whether one more run of somebody may start now: for the runner.

    Args:
        owner: whose run waits.
        running: owner -> running runs; without an entry none.
        root: the runs folder.
    """
    most = most_running(owner, root)
    return most is None or running.get(owner, 0) < most


def most_running(owner: str, root: Path) -> int | None:
    """Return how many runs of somebody may train at once in a runs folder; None without a limit."""
    return people_of(root).limits_of(owner).running


def seconds_left(layout: RunLayout, owner: str) -> float | None:
    """Return how long a run may still train: the limit less what its epochs so far took; None without a limit.

    Args:
        layout: the run's folder.
        owner: whose it is.
    """
    minutes = people_of(layout.path.parent).limits_of(owner).minutes
    if minutes is None:
        return None
    spent = sum(_seconds(row) for row in history.history(layout))
    return max(0.0, 60 * minutes - spent)


def time_limit_words(layout: RunLayout, owner: str) -> str:
    """Return the limit of a run's time in words, for the message of one that reached it."""
    minutes = people_of(layout.path.parent).limits_of(owner).minutes
    return "the limit" if minutes is None else f"the limit of {minutes:g} minutes a run"


def most_upload_mb(root: Path, by: str, most: int) -> int:
    """Return the largest upload of somebody in MB, at most what the server takes at all."""
    limit = people_of(root).limits_of(by).upload_mb
    return most if limit is None else min(most, limit)


def require_upload(root: Path, by: str, sizes: Iterable[int]) -> None:
    """Refuse uploaded files that are too large together.

    Args:
        root: the runs folder.
        by: who asks.
        sizes: in bytes.

    Raises:
        NotAllowed: they are; the text names the limit.
    """
    limit = people_of(root).limits_of(by).upload_mb
    total = sum(sizes)
    if limit is not None and total > limit * 1e6:
        raise NotAllowed(
            f"The upload has {total / 1e6:,.0f} MB; the limit of an upload is {limit} MB. {_ASK}"
        )


def _seconds(row: Mapping[str, object]) -> float:
    value = row.get("epoch_seconds")
    return float(value) if isinstance(value, int | float) else 0.0


def _bytes_of(folder: Path) -> int:
    """Return what a folder takes; files that vanish meanwhile take nothing."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_size
            except OSError:
                continue
    return total
