"""Forecasts: when runs that wait or train will have ended, from their own epochs and from those of equal runs.

Apart from `core.jobs.estimate`, which says what a config would cost before it is queued; this says when, with the slots
of this machine, the runner's own order (`core.jobs.runner.choose`) and the limit of runs that one person may have under way.
It leaves out that a run may stop early: what it says is the latest end, and `may_end_early` tells that.
"""

import heapq
import math
import statistics
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.jobs.estimate import MOST_RUNS, cost_key
from core.jobs.quotas import most_running
from core.jobs.slots import slots_for
from core.runs.run import Run
from core.runs.state import ACTIVE, read_beat

RECENT = 5
"""Epochs whose median is a run's pace: machines get busier and less busy."""

_MOST_KEYS = 20_000

History = Callable[[Run], Sequence[Mapping[str, Any]]]
"""Returns a run's rows, one per epoch."""


@dataclass(frozen=True)
class Forecast:
    """What is ahead of a run, in seconds of the clock from now on.

    Attributes:
        starts_in: until it gets a slot, 0 once it has one; None where nothing tells.
        ends_in: until its last possible epoch has ended; None where nothing tells.
        may_end_early: whether a rule may stop it before.
        ahead: runs that start before it; 0 for one that has a slot.
        waits_for: why it is not started now, in words, where somebody has asked `core.jobs.waiting`.
    """

    starts_in: float | None
    ends_in: float | None
    may_end_early: bool
    ahead: int = 0
    waits_for: str | None = None


def forecasts(
    runs: Sequence[Run],
    history: History,
    host: str,
    cpu_slots: Sequence[str],
    gpu_slots: Sequence[str],
) -> dict[str, Forecast]:
    """Return run id -> forecast of the runs that wait or train on a machine.

    Args:
        runs: all runs, newest first: those that ended tell the pace of those that have not begun.
        history: reads a run's rows.
        host: name of the machine.
        cpu_slots, gpu_slots: all slots of it.
    """
    active = [run for run in runs if run.damaged is None and run.state.state in ACTIVE]
    active = [run for run in active if run.state.host == host]
    if not active:
        return {}
    paces = _paces(active, runs, history, host)
    left = {run.id: _seconds_left(run, paces[run.id]) for run in active}
    running = [run for run in active if run.state.state != "queued"]
    waiting = sorted(
        (run for run in active if run.state.state == "queued"),
        key=lambda run: (run.state.t, run.id),
    )
    root = active[0].layout.path.parent
    most = {owner: most_running(owner, root) for owner in {_owner(run) for run in waiting}}
    starts = _starts(running, waiting, left, most, cpu_slots, gpu_slots)
    found = {}
    for run in active:
        starts_in, ahead = starts.get(run.id, (0.0, 0))
        seconds = left[run.id]
        found[run.id] = Forecast(
            starts_in,
            None if starts_in is None or seconds is None else starts_in + seconds,
            _may_end_early(run),
            ahead,
        )
    return found


def epochs_done(run: Run) -> float:
    """Return how many epochs a run has done, with the share of the one under way."""
    state = run.state
    done = float(state.epoch)
    if state.state in ("running", "stalled"):
        beat = read_beat(run.layout)
        step, steps = beat.get("step"), beat.get("steps")
        if beat.get("epoch") == state.epoch + 1 and isinstance(step, int) and steps:
            done += min(step / steps, 1.0)
    return done


def _paces(
    active: Sequence[Run], runs: Sequence[Run], history: History, host: str
) -> dict[str, float | None]:
    """Return run id -> seconds of an epoch: by its own epochs, by equal runs, or by the steps of its first epoch."""
    paces = {run.id: _own_pace(history(run)) if run.state.epoch else None for run in active}
    unknown = [run for run in active if paces[run.id] is None]
    if unknown:
        alike = _equal_paces({_key(run) for run in unknown}, runs, history, host)
        for run in unknown:
            paces[run.id] = alike.get(_key(run)) or _first_pace(run)
    return paces


def _equal_paces(
    wanted: set[bytes], runs: Sequence[Run], history: History, host: str
) -> dict[bytes, float]:
    found: dict[bytes, list[float]] = {}
    for run in runs:
        if run.damaged is None and run.state.epoch and run.state.host == host:
            key = _key(run)
            if key in wanted and len(found.setdefault(key, [])) < MOST_RUNS:
                pace = _own_pace(history(run))
                if pace is not None:
                    found[key].append(pace)
    return {key: statistics.median(some) for key, some in found.items() if some}


def _own_pace(rows: Sequence[Mapping[str, Any]]) -> float | None:
    values = [row.get("epoch_seconds") for row in rows[-RECENT:]]
    known = [one for one in values if isinstance(one, int | float) and math.isfinite(one)]
    return statistics.median(known) if known else None


def _first_pace(run: Run) -> float | None:
    if run.state.state != "running":
        return None
    beat = read_beat(run.layout)
    batch_size = run.config.get("training", {}).get("batch_size")
    steps, rate = beat.get("steps"), beat.get("samples_per_second")
    if beat.get("epoch") != run.state.epoch + 1 or not (batch_size and steps and rate):
        return None
    return steps * batch_size / rate


def _seconds_left(run: Run, pace: float | None) -> float | None:
    if pace is None or run.state.state == "stalled" or not run.state.epochs:
        return None
    return pace * max(0.0, run.state.epochs - epochs_done(run))


def _may_end_early(run: Run) -> bool:
    stages = [stage.get("changes", {}) for stage in run.config.get("stages") or ()]
    return any(some.get("patience") for some in (run.config.get("training", {}), *stages))


def _starts(
    running: Sequence[Run],
    waiting: Sequence[Run],
    left: Mapping[str, float | None],
    most: Mapping[str, int | None],
    cpu_slots: Sequence[str],
    gpu_slots: Sequence[str],
) -> dict[str, tuple[float | None, int]]:
    """Play the queue: return run id -> (seconds until it starts, runs that start before it).

    Args:
        running: what is under way.
        waiting: what is not, oldest first.
        left: run id -> seconds that it trains from now or from its start on; None where nothing tells.
        most: owner of waiting runs -> runs that they may have under way; None without a limit.
        cpu_slots, gpu_slots: all slots of the machine.
    """
    free = [*cpu_slots, *gpu_slots]
    # (when a run ends, its slot, its owner)
    ends: list[tuple[float, str, str]] = []
    for run in running:
        slot = run.state.slot
        if slot in free:
            free.remove(slot)
        else:
            slot = ""  # it trains inside a program, or has none yet; it counts for its owner
        ends.append((_or_never(left[run.id]), slot, _owner(run)))
    heapq.heapify(ends)
    # By kind of slot and owner, oldest first: a queue of thousands is played in a moment.
    queues: dict[str, dict[str, deque[tuple[int, Run]]]] = {}
    for order, run in enumerate(waiting):
        device = run.spec.get("resources", {}).get("device", "auto")
        kinds = slots_for(device, cpu_slots, gpu_slots)
        kind = _kind(kinds[0]) if kinds else ""
        queues.setdefault(kind, {}).setdefault(_owner(run), deque()).append((order, run))
    busy = Counter(_owner(run) for run in running)
    found: dict[str, tuple[float | None, int]] = {}
    moment = 0.0
    while True:
        while (chosen := _next(queues, free, busy, most)) is not None:
            slot, owner = chosen
            owners = queues[_kind(slot)]
            _, run = owners[owner].popleft()
            if not owners[owner]:
                del owners[owner]
            free.remove(slot)
            busy[owner] += 1
            found[run.id] = (moment if math.isfinite(moment) else None, len(found))
            heapq.heappush(ends, (moment + _or_never(left[run.id]), slot, owner))
        if not ends or len(found) == len(waiting):
            break
        moment = ends[0][0]
        # Of several that end at once the runner sees all before it starts anything.
        while ends and ends[0][0] == moment:
            _, slot, owner = heapq.heappop(ends)
            busy[owner] -= 1
            if slot:
                free.append(slot)
    for run in waiting:
        found.setdefault(run.id, (None, len(found)))
    return found


def _next(
    queues: Mapping[str, Mapping[str, Sequence[tuple[int, Run]]]],
    free: Sequence[str],
    busy: Mapping[str, int],
    most: Mapping[str, int | None],
) -> tuple[str, str] | None:
    """Return the slot and the owner of what the runner would start next, or None: as its own `choose` does."""
    found: list[tuple[int, int, str, str]] = []
    for slot in {_kind(one): one for one in reversed(free)}.values():
        for owner, runs in queues.get(_kind(slot), {}).items():
            limit = most[owner]
            if limit is None or busy.get(owner, 0) < limit:
                found.append((busy.get(owner, 0), runs[0][0], slot, owner))
    return min(found)[2:] if found else None


def _kind(slot: str) -> str:
    return slot.partition("-")[0]


def _or_never(seconds: float | None) -> float:
    return math.inf if seconds is None else seconds


def _owner(run: Run) -> str:
    return str(run.spec.get("owner"))


_keys: dict[str, bytes] = {}


def _key(run: Run) -> bytes:
    """Return `cost_key` of a run's config, worked out once for each config."""
    sha256 = run.spec["config_sha256"]
    key = _keys.get(sha256)
    if key is None:
        if len(_keys) >= _MOST_KEYS:
            _keys.clear()
        key = _keys[sha256] = cost_key(run.config)
    return key
