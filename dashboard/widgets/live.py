"""Looking again: a page about runs draws itself anew when something about them has changed, and only then.

A fragment of its own, so that a look at which nothing is new draws nothing: it costs a `stat` for each run.
"""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from core.exceptions import CoreError
from core.jobs.forecast import Forecast, forecasts
from core.jobs.machine import cpu_slots, gpu_slots
from core.jobs.waiting import reasons_to_wait
from core.runs.pulse import pulse
from core.runs.run import Run
from core.runs.state import ACTIVE
from dashboard import data


def looked_again(runs: Sequence[Run]) -> None:
    """Draw the page anew once the runs are no longer as they were read; to be called before the page shows them.

    Args:
        runs: as they were read for this page, all of them.
    """
    seconds = data.poll_seconds(runs)
    if seconds is not None:
        seen = pulse(data.store(), runs)
        st.fragment(_look, run_every=seconds)(list(runs), seen)


def _look(runs: Sequence[Run], seen: int) -> None:
    if pulse(data.store(), runs) != seen or _has_moved_on(runs):
        st.rerun()


def _has_moved_on(runs: Sequence[Run]) -> bool:
    """Return whether a run ended after it was read and before its pulse was taken, which that would never tell."""
    store = data.store()
    watched = [run for run in runs if run.damaged is None and run.state.state in ACTIVE]
    try:
        return any(store.run(run.id).state.state != run.state.state for run in watched)
    except CoreError:
        return True  # it is gone


def run_forecasts(runs: Sequence[Run]) -> dict[str, Forecast]:
    """Return the forecasts of the runs that wait or train on this machine, by run id, each with what it waits for."""
    store = data.store()
    host = store.observer.host
    found = forecasts(runs, lambda run: data.history(run)[1], host, cpu_slots(), gpu_slots())
    reasons = reasons_to_wait(store, runs)
    return {
        run_id: replace(forecast, waits_for=reasons.get(run_id))
        for run_id, forecast in found.items()
    }
