"""The words in which a list of runs says how a run stands: its state, why, how long it took and takes."""

import time
from datetime import datetime

from core.jobs.forecast import Forecast
from core.jobs.waiting import STARTS_NEXT
from core.runs.run import Run
from core.runs.state import ACTIVE
from dashboard.widgets.markdown import duration

STATES = {
    "running": "running",
    "starting": "starting",
    "stalled": "stalled",
    "queued": "waiting",
    "paused": "paused",
    "interrupted": "interrupted",
    "lost": "lost",
    "failed": "failed",
    "crashed": "crashed",
    "damaged": "damaged",
    "stopped": "stopped",
    "finished": "finished",
}
"""State -> the word on screen, those that somebody should see to before those that have ended well."""

COLOURS = {
    "waiting": "gray",
    "starting": "blue",
    "running": "blue",
    "finished": "green",
    "stopped": "gray",
    "paused": "gray",
    "stalled": "orange",
    "interrupted": "orange",
    "lost": "orange",
}
"""Word -> colour of its mark; red for all others."""


def reason(run: Run, forecast: Forecast | None) -> str:
    """Return why a run stands as it does, in one line; nothing where there is nothing to say."""
    state, layout = run.state, run.layout
    if run.damaged is not None:
        return run.damaged
    if state.state in ACTIVE and layout.stop_request.exists():
        if layout.kill_request.exists():
            return "being killed"
        return "asked to pause" if layout.pause_request.exists() else "asked to stop"
    if state.state == "queued" and forecast is not None:
        before = f"{forecast.ahead:,} before it" if forecast.ahead else ""
        # Others that start now as well are before it: it is not alone in being next.
        waits_for = None if before and forecast.waits_for == STARTS_NEXT else forecast.waits_for
        return ", ".join(words for words in (before, waits_for) if words) or STARTS_NEXT
    return state.message or ""


def time_left(forecast: Forecast | None) -> str:
    """Return how long it takes until a run has ended: "3 min 20 s", with "≤" where it may stop early."""
    if forecast is None or forecast.ends_in is None:
        return ""
    return ("≤ " if forecast.may_end_early else "") + duration(forecast.ends_in)


def seconds_spent(run: Run) -> float | None:
    """Return the seconds from a run's first start to its end, or to now while it runs."""
    state = run.state
    if state.started is None:
        return None
    if state.state in ("running", "stalled"):
        return max(0.0, time.time() - state.started)
    return None if state.ended is None else state.ended - state.started


def clock(moment: float | None) -> str:
    """Return a moment in local time, as in the titles of runs: "14:25", with the day when it is another one."""
    if moment is None:
        return ""
    at = datetime.fromtimestamp(moment)
    is_today = at.date() == datetime.now().date()
    return f"{at:%H:%M}" if is_today else f"{at.day} {at:%b %Y, %H:%M}"
