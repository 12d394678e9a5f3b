"""Why a request cannot be made of a run: what a button says that is off, before anybody presses it.

Apart from `core.jobs.control` and `core.jobs.removal`, which check again when the request comes, under the run's lock;
the states that they allow are named there and only read here.
"""

from collections import Counter
from collections.abc import Sequence

from core.jobs import permissions
from core.jobs.control import RETRIABLE
from core.jobs.permissions import Request
from core.runs.run import Run
from core.runs.state import ACTIVE, RESUMABLE

IN_WORDS = {"queued": "waiting"}


def refusal(request: Request, run: Run, by: str) -> str | None:
    """Return why somebody cannot ask this of a run in a word or two ("finished"), or None where it can be asked.

    Args:
        request: what is to be done.
        run: to which run.
        by: who asks.
    """
    state = run.state.state
    if run.damaged is not None and request != "delete":
        return "damaged"
    match request:
        case "stop" | "pause" | "kill":
            is_possible = state in ACTIVE
        case "resume":
            is_possible = state in RESUMABLE
        case "retry":
            is_possible = state in RETRIABLE
        case "delete":
            is_possible = state not in ACTIVE
        case _:
            is_possible = True
    if not is_possible:
        return IN_WORDS.get(state, state)
    if request == "pause" and run.layout.stop_request.exists():
        return "pausing" if run.layout.pause_request.exists() else "asked to stop"
    # Who asks once more of a waiting run ends it where its own machine, which was asked before, is gone.
    may_be_asked_again = state == "queued"
    if request == "stop" and run.layout.stop_request.exists() and not may_be_asked_again:
        return None if run.layout.pause_request.exists() else "asked to stop"
    if request == "kill" and run.layout.kill_request.exists() and not may_be_asked_again:
        return "being killed"
    return permissions.why_not(run, by)


def possible(request: Request, runs: Sequence[Run], by: str) -> tuple[list[Run], str]:
    """Return the runs of which it can be asked, and of the others why not, counted: "2 finished, 1 damaged".

    Args:
        request: what is to be done.
        runs: to which runs.
        by: who asks.
    """
    allowed: list[Run] = []
    reasons: Counter[str] = Counter()
    for run in runs:
        reason = refusal(request, run, by)
        if reason is None:
            allowed.append(run)
        else:
            reasons[reason] += 1
    return allowed, ", ".join(f"{number:,} {reason}" for reason, number in reasons.most_common())
