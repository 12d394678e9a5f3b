"""The state of a run: what its worker wrote last, and what can be derived from who still lives.

    queued -> starting -> running -> finished | failed | stopped | paused
    paused, stopped, failed, crashed, interrupted, lost --resume--> queued, one attempt further
    derived, never written: crashed, interrupted (the machine restarted), lost (another host), stalled

A reader never trusts a process id alone: zombies and reused ids look alive. It asks for the kernel lock.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from core.exceptions import DamagedRun, NewerRun
from core.runs import files, locks
from core.runs.folder_clock import FolderClock
from core.runs.host import boot_id, host_name
from core.runs.layout import RunLayout
from core.runs.waits import Waits

WRITTEN = ("queued", "starting", "running", "finished", "failed", "stopped", "paused")
DERIVED = ("crashed", "interrupted", "lost", "stalled")
ACTIVE = ("queued", "starting", "running", "stalled")
"""States that may change without anybody asking: pages poll while there is one."""
TERMINATED = "terminated"
"""The reason of a stop that nobody requested: a signal told the worker to end."""
RESUMABLE = ("paused", "stopped", "failed", "crashed", "interrupted", "lost")


@dataclass(frozen=True)
class RunState:
    """One `state.json`; times in Unix seconds.

    Attributes:
        state: one of `WRITTEN`, or of `DERIVED` after `derive`.
        attempt: number of the attempt that runs or ran, or of the next when queued; from 1.
        epoch: last finished epoch; epochs: most epochs that may come.
        reason: machine-readable cause ("nan_loss"); message: the same in words.
        by: who asked for it; t: when it was written.
        host, boot, pid, pid_start, device, slot: where the worker is or was.
        started, ended: first start of a worker, end of the last.
        best_epoch, best_validation_accuracy: the best epoch so far, accuracy in [0, 1].
        more: keys of a newer version, kept as they are.
    """

    state: str
    attempt: int = 1
    epoch: int = 0
    epochs: int = 0
    reason: str | None = None
    message: str | None = None
    by: str | None = None
    t: float = 0.0
    host: str | None = None
    boot: str | None = None
    pid: int | None = None
    pid_start: float | None = None
    device: str | None = None
    slot: str | None = None
    started: float | None = None
    ended: float | None = None
    best_epoch: int | None = None
    best_validation_accuracy: float | None = None
    more: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Make it from a JSON object, of a newer schema too if what we know of it still holds.

        Raises:
            DamagedRun: a key is missing or of the wrong type.
        """
        known = {key: values[key] for key in _TYPES if key in values}
        for key, value in known.items():
            if not _has_type_of(key, value):
                raise DamagedRun(f"state.json: {key} is {value!r}"[:200])
        if known.get("state") not in WRITTEN:
            raise DamagedRun(f"state.json: state is {known.get('state')!r}"[:200])
        return cls(**known, more={key: value for key, value in values.items() if key not in known})

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object, unknown keys included."""
        return {"schema": files.SCHEMA} | self.more | {key: getattr(self, key) for key in _TYPES}


_NUMBER = (int, float)
_TYPES: dict[str, Any] = {
    "state": str,
    "attempt": int,
    "epoch": int,
    "epochs": int,
    "reason": (str, type(None)),
    "message": (str, type(None)),
    "by": (str, type(None)),
    "t": _NUMBER,
    "host": (str, type(None)),
    "boot": (str, type(None)),
    "pid": (int, type(None)),
    "pid_start": (*_NUMBER, type(None)),
    "device": (str, type(None)),
    "slot": (str, type(None)),
    "started": (*_NUMBER, type(None)),
    "ended": (*_NUMBER, type(None)),
    "best_epoch": (int, type(None)),
    "best_validation_accuracy": (*_NUMBER, type(None)),
}


_PLACE = ("host", "boot", "pid", "pid_start", "slot")


def _has_type_of(key: str, value: Any) -> bool:
    return isinstance(value, _TYPES[key]) and not isinstance(value, bool)


def read_state(layout: RunLayout) -> RunState:
    """Return what was written last.

    Raises:
        DamagedRun: the file is missing or cannot be trusted.
        NewerRun: a later version wrote it; it must not be written again.
    """
    try:
        values = files.read_json(layout.state_json)
    except FileNotFoundError:
        raise DamagedRun("state.json is missing") from None
    schema = values.get("schema", files.SCHEMA)
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise DamagedRun(f"state.json: schema is {schema!r}"[:200])
    if schema > files.SCHEMA:
        raise NewerRun(f"state.json has schema {schema}", values)
    return RunState.from_json(values)


def write_state(layout: RunLayout, state: RunState) -> None:
    """Replace `state.json`; a full disk is answered by giving up the reserve.

    Raises:
        OSError: it could not be written all the same.
    """
    try:
        files.write_json(layout.state_json, state.to_json())
    except OSError:
        if not layout.reserve.exists():
            raise
        layout.reserve.unlink(missing_ok=True)
        files.write_json(layout.state_json, state.to_json())


@dataclass(frozen=True)
class Observer:
    """Who looks at the runs, and with what clock; tests give another boot or time.

    Attributes:
        locks_work: whether kernel locks can be trusted in this runs folder; asked only when it matters.
        folder_clock: tells the time of the runs folder, by which the heartbeats of other machines are judged.
    """

    waits: Waits = field(default_factory=Waits)
    host: str = field(default_factory=host_name)
    boot: str = field(default_factory=boot_id)
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    locks_work: Callable[[], bool] = lambda: True
    folder_clock: FolderClock = field(default_factory=FolderClock)


def derive(layout: RunLayout, written: RunState, observer: Observer) -> RunState:
    """Return the state to show: the written one, unless its worker is no longer there.

    Args:
        layout: the run's folder.
        written: what `read_state` gave.
        observer: who looks.
    """
    if _was_shut_down(written, observer):
        message = "The machine shut down while the run was under way. Resume goes on from its last checkpoint."
        return replace(written, state="interrupted", reason="restart", message=message)
    if written.state not in ("starting", "running"):
        return written
    if written.host != observer.host:
        return _by_heartbeat(layout, written, observer)
    if not observer.locks_work():
        return _by_heartbeat(layout, written, observer, is_mine=True)
    if locks.holder(layout.alive_lock) is not None:
        return _living(layout, written, observer)
    # The worker may have written its last state between our reading and its death.
    with contextlib.suppress(DamagedRun):
        again = read_state(layout)
        if again != written:
            return derive(layout, again, observer)
    ended = layout.exit(written.attempt)
    if (
        written.state == "starting"
        and written.boot == observer.boot
        and 0 <= observer.now() - written.t < observer.waits.start_grace
        and not layout.attempt(written.attempt).exists()
        and not ended.exists()
    ):
        return written
    return _dead(layout, written, observer)


def placed(layout: RunLayout, written: RunState) -> RunState:
    """Return a state that tells where its worker is: until it says "running", that stands in its attempt's file alone.

    Args:
        layout: the run's folder.
        written: what `read_state` gave; any but "starting" comes back as it is.
    """
    if written.state != "starting":
        return written
    attempt = _read_or_nothing(layout.attempt(written.attempt))
    place: dict[str, Any] = {key: attempt[key] for key in _PLACE if key in attempt}
    # All or nothing: by these, together, a process is told from a stranger that has got its id.
    is_whole = len(place) == len(_PLACE) and all(_has_type_of(*one) for one in place.items())
    return replace(written, **place) if is_whole else written


def read_beat(layout: RunLayout) -> dict[str, Any]:
    """Return the progress that the worker wrote last: epoch, step, steps, samples_per_second, changed; or {}."""
    return _read_or_nothing(layout.beat)


def _read_or_nothing(path: Path) -> dict[str, Any]:
    try:
        return files.read_json(path)
    except (FileNotFoundError, DamagedRun):
        return {}


def _was_shut_down(written: RunState, observer: Observer) -> bool:
    """Return whether a worker ended in good order because the machine told all processes to, before it restarted."""
    told = written.state == "stopped" and written.reason == TERMINATED
    return told and written.host == observer.host and written.boot != observer.boot


def _dead(layout: RunLayout, written: RunState, observer: Observer) -> RunState:
    # A worker whose end was seen had died before the machine restarted.
    if written.boot != observer.boot and not layout.exit(written.attempt).exists():
        message = "The machine restarted while the run was under way. Resume goes on from its last checkpoint."
        return replace(written, state="interrupted", reason="restart", message=message)
    reason, message = _exit_in_words(layout, written.attempt)
    return replace(written, state="crashed", reason=reason, message=message)


def _living(layout: RunLayout, written: RunState, observer: Observer) -> RunState:
    known = placed(layout, written)
    still = limit = 0.0
    if known.boot == observer.boot:
        judge = _still_at_start if written.state == "starting" else _still
        still, limit = judge(layout, known, observer)
    if still > limit:
        message = f"The worker lives, but nothing has moved for {still:.0f} s."
        return replace(known, state="stalled", reason="no_progress", message=message)
    return replace(known, state="running")


def _still(layout: RunLayout, known: RunState, observer: Observer) -> tuple[float, float]:
    """Return for how many seconds a worker has not moved, and for how many it may."""
    beat = read_beat(layout)
    epoch_seconds = beat.get("median_epoch_seconds", 0.0)
    if not isinstance(epoch_seconds, _NUMBER):
        return 0.0, observer.waits.stall
    # The monotonic clock counts from the machine's start for all processes alike, whatever the wall clock does.
    still = _since(observer.monotonic(), beat.get("changed"))
    return still or 0.0, max(observer.waits.stall, 10 * epoch_seconds)


def _still_at_start(layout: RunLayout, known: RunState, observer: Observer) -> tuple[float, float]:
    """Return the same of a worker that has written its attempt's file, and no state yet."""
    begun = _read_or_nothing(layout.attempt(known.attempt)).get("time")
    if not isinstance(begun, _NUMBER):
        return 0.0, observer.waits.stall
    # Neither tells alone: the wall clock may have jumped since, and the heartbeat may still be that of an attempt
    # before, even of another boot. What lies in the future tells nothing.
    changed = read_beat(layout).get("changed")
    signs = (_since(observer.now(), begun), _since(observer.monotonic(), changed))
    return min((one for one in signs if one is not None), default=0.0), observer.waits.stall


def _since(now: float, then: object) -> float | None:
    return now - then if isinstance(then, _NUMBER) and now >= then else None


def _by_heartbeat(
    layout: RunLayout, written: RunState, observer: Observer, is_mine: bool = False
) -> RunState:
    """Judge by the age of the last sign of life; all times are the folder's own clock, so wrong clocks do not matter.

    Whoever may not write to the folder cannot ask its clock, and takes this machine's.
    """
    # The state file is a sign too: before the first heartbeat there is none, or that of an attempt before.
    signs = [_modified(path) for path in (layout.beat, layout.state_json)]
    now = observer.folder_clock.now(layout.path.parent, observer.monotonic())
    if (observer.now() if now is None else now) - max(signs) < observer.waits.lost:
        return written
    if is_mine:
        return _dead(layout, written, observer)
    message = (
        f"No sign of life from {written.host} for more than {observer.waits.lost:.0f} s. If that machine is gone, or this one "
        "had that name before, resume goes on here from the last checkpoint."
    )
    return replace(written, state="lost", reason="no_heartbeat", message=message)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _exit_in_words(layout: RunLayout, attempt: int) -> tuple[str, str]:
    try:
        ended = files.read_json(layout.exit(attempt))
    except (FileNotFoundError, DamagedRun):
        return "died", "The worker died; nobody saw how. Resume goes on from its last checkpoint."
    number, code = ended.get("signal"), ended.get("code")
    if number is not None:
        hint = " (out of memory?)" if number == 9 else ""
        return (
            "signal",
            f"The worker was killed by signal {number}{hint}. Resume goes on from its last checkpoint.",
        )
    return "exit", f"The worker ended with code {code}; log.txt may say why."
