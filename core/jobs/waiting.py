"""Why a run waits: what keeps the runner from starting it, in words for a list of runs.

The runner decides (`core.jobs.runner`); here the same facts are looked at once more for a reader, and nothing is
promised: a moment later a slot may be free. When a run will start is a matter of forecasts (`core.jobs.forecast`).
"""

from collections import Counter
from collections.abc import Callable, Sequence

import psutil

from core.jobs import machine, slots
from core.jobs.quotas import may_start
from core.jobs.runner import LEAST_FREE_MEMORY
from core.runs import locks
from core.runs.run import Run
from core.runs.store import Store

STARTS_NEXT = "starts next"


def available_memory() -> int:
    """Return the bytes that new processes may use."""
    return psutil.virtual_memory().available


def reasons_to_wait(
    store: Store, runs: Sequence[Run], memory: Callable[[], int] = available_memory
) -> dict[str, str]:
    """Return run id -> why it waits, in a few words, for the runs that are queued.

    Args:
        store: the runs folder.
        runs: as they were read.
        memory: returns the bytes that new processes may use.
    """
    waiting = [run for run in runs if run.damaged is None and run.state.state == "queued"]
    if not waiting:
        return {}
    host, layout = store.observer.host, store.layout
    busy = [run for run in runs if run.state.state in ("starting", "running", "stalled")]
    running = Counter(run.spec["owner"] for run in busy if run.damaged is None)
    cpu, gpu = machine.cpu_slots(), machine.gpu_slots()
    free = {slot for slot in (*cpu, *gpu) if slots.is_free(layout, host, slot)}
    is_short = memory() < LEAST_FREE_MEMORY
    has_runner = locks.holder(layout.runner_lock(host)) is not None
    found = {}
    for run in waiting:
        device = run.spec["resources"].get("device", "auto")
        wanted = slots.slots_for(device, cpu, gpu)
        if run.state.host not in (None, host):
            found[run.id] = (
                f"waits on another machine, {run.state.host}; to run it here, stop it and resume it"
            )
        elif not has_runner:
            found[run.id] = "waits for the runner to start"
        elif not may_start(run.spec["owner"], running, store.root):
            found[run.id] = "waits for other runs of its owner, who has as many as one may have"
        elif not free.intersection(wanted):
            kind = "GPU" if wanted and wanted[0] in gpu else "CPU"
            found[run.id] = f"waits for a free {kind} slot"
        elif is_short:
            found[run.id] = f"waits for memory: less than {LEAST_FREE_MEMORY >> 20:,} MiB are free"
        else:
            found[run.id] = STARTS_NEXT
    return found
