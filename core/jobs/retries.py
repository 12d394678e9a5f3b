"""Retries: whether a run that a restart of the machine broke off goes on without anybody asking.

Apart from `recovery`, which does it, because whoever shows runs asks too: a runner must be there to do it.
"""

from core.runs import files
from core.runs.run import Run

MOST_RETRIES = 100
"""A run may ask for at most as many."""

RUNNER = "runner"
"""Who asks for a retry when nobody does, as events and states say it."""


def has_retries_left(run: Run) -> bool:
    """Return whether a run may be given its next attempt, should it be interrupted.

    Not when somebody has asked it to stop. What users retry or resume themselves costs none of its retries.
    """
    allowed = run.spec.get("retries", 0)
    if not isinstance(allowed, int) or allowed <= 0 or run.layout.stop_request.exists():
        return False
    try:
        events, _ = files.parse_rows(run.layout.events.read_bytes())
    except OSError:
        events = []
    mine = [one for one in events if one.get("event") == "retry" and one.get("by") == RUNNER]
    return len(mine) < allowed
