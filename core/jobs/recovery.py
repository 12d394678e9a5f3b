"""Taking stock: what a runner puts right that a death left half done.

A run's state, its entry and its worker are written one after another, by processes that may die in between; so may the
machine. The folders tell what is missing. Apart from the runner's loop because it looks at all runs, which that never
does. It never touches a run whose lock is held, and it starts nothing.
"""

import contextlib
import os
import time
from collections.abc import Collection
from dataclasses import replace

from core.exceptions import CoreError
from core.jobs import queue
from core.jobs.control import alone
from core.jobs.retries import RUNNER, has_retries_left
from core.runs import files, history, locks, trash
from core.runs.layout import RUN_ID, RunLayout
from core.runs.run import Run
from core.runs.state import RunState, derive, read_state, write_state
from core.runs.store import Store


def take_stock(store: Store, known: Collection[str] = ()) -> dict[str, str]:
    """Queue what lost its entry or its start, and what a restart of the machine broke off and may be retried.

    Args:
        store: the runs folder.
        known: ids of the runs that the caller has started itself; left alone.

    Returns:
        Run id -> owner of the runs that live and are not known: workers that an earlier runner started.
    """
    queue.remove_unreadable(store.layout)
    with contextlib.suppress(CoreError, OSError):
        trash.purge(store.layout)
    with os.scandir(store.root) as found:
        run_ids = sorted(one.name for one in found if RUN_ID.fullmatch(one.name))
    strangers: dict[str, str] = {}
    for run_id in run_ids:
        # A damaged run says so to its readers.
        with contextlib.suppress(CoreError, OSError):
            if run_id not in known:
                _take_stock_of(store, store.layout.run(run_id), strangers)
    return strangers


def enqueue(store: Store, run: Run, attempt: int, data_dir: str) -> None:
    """Add an entry for an attempt at a run.

    Args:
        store: the runs folder.
        run: the run, whose state says "queued" already.
        attempt: its number.
        data_dir: folder of the data sets; "" is the worker's default.
    """
    device, host = run.spec["resources"].get("device", "auto"), store.observer.host
    queue.enqueue(store.layout, run.id, attempt, run.spec["owner"], host, device, data_dir)


def _take_stock_of(store: Store, layout: RunLayout, strangers: dict[str, str]) -> None:
    written = read_state(layout)
    seen = derive(layout, written, store.observer)
    if written.state not in ("queued", "starting", "running") and seen.state != "interrupted":
        return
    run = store.run(layout.id)
    if run.damaged is not None:
        return
    if locks.holder(layout.alive_lock) is not None:
        strangers[run.id] = run.spec["owner"]
        return
    if written.host not in (None, store.observer.host):
        return
    is_lost_start = (
        written.state == "starting"
        and not layout.attempt(written.attempt).exists()
        and not layout.exit(written.attempt).exists()
    )
    if is_lost_start:
        written = replace(written, state="queued", t=time.time())
        write_state(layout, written)
    elif seen.state == "interrupted" and has_retries_left(run):
        written = _retried(store, run) or written
    if written.state == "queued" and not queue.is_queued(store.layout, run.id):
        data_dir = history.last_data_dir(layout, store.observer.host)
        enqueue(store, run, written.attempt, data_dir or os.environ.get("PETRIDISH_DATA", ""))


def _retried(store: Store, run: Run) -> RunState | None:
    """Give an interrupted run its next attempt; return its new state, or None when somebody was quicker."""
    layout = run.layout
    with alone(run):
        now = store.run(run.id).state
        if now.state != "interrupted":
            return None
        attempt = max([now.attempt, *history.attempts(layout)]) + 1
        # No place: it has none until its worker starts.
        place = {"boot": None, "pid": None, "pid_start": None, "device": None, "slot": None}
        why = {"reason": None, "message": None, "by": RUNNER, "ended": None}
        queued = replace(now, state="queued", attempt=attempt, t=time.time(), **place, **why)
        # The event first: a death in between must not give it one retry more.
        files.append_event(layout.events, "retry", by=RUNNER, attempt=attempt)
        write_state(layout, queued)
    return queued
