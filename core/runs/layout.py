"""Names of everything inside a runs folder, and the only place that knows them.

Paths are built from ids that match `RUN_ID`, never from text that a user wrote. What the files hold is written and
read by the neighbours: `files` (JSON and rows), `locks`, `history`, `outputs`.
"""

import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.exceptions import MOST_NAMES, InvalidInput, InvalidParameter, UnknownName

# ASCII: to `\d` alone a digit of any script is one. No leading dot: "." and ".." are hosts of nobody.
RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}", re.ASCII)
HOST = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")

SHORTEST_PREFIX = 4
"""Characters of an id that must be given at least."""

UNFINISHED = ".new-"
"""Folders in a runs folder whose names begin so are being made by somebody; a death may have left them."""

Role = Literal["lasting", "resuming", "local"]
"""What a file of a run is for: what was asked and came out; what a worker goes on from; this machine's own business."""

SPLIT = re.compile(r"[a-z][a-z_]{0,39}")

_ROLES: dict[Role, re.Pattern[str]] = {
    "lasting": re.compile(
        r"(run|state|edit)\.json|(history|events)\.jsonl|attempts/\d{4,8}(\.exit)?\.json"
        r"|checkpoints/best\.(safetensors|json)|predictions/index\.json|results/test\.json"
        rf"|predictions/{SPLIT.pattern}\.(class|count)\.f16|results/test\.(class|count)\.npy",
        re.ASCII,
    ),
    "resuming": re.compile(r"checkpoints/(last|prev)\.(pt|json)"),
    "local": re.compile(
        r"(alive|request)\.lock|beat|reserve|log\.txt|control/(stop|pause|kill)\.json|analysis/.+"
    ),
}


def new_id(now: float) -> str:
    """Return a fresh run id for a moment in Unix seconds (UTC): 20260131-142501-9f3a1c."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{secrets.token_hex(3)}"


def role_of(name: str) -> Role | None:
    """Return what a file of a run is for, or None where no run has such a file.

    Args:
        name: path from the run's folder, with "/" between folders: "checkpoints/best.json".
    """
    return next((role for role, names in _ROLES.items() if names.fullmatch(name)), None)


def full_id(text: str, known: Iterable[str]) -> str:
    """Return the one id that is meant by its first characters.

    Args:
        text: at least `SHORTEST_PREFIX` of them.
        known: ids to choose from.

    Raises:
        UnknownName: none of them begins so, or the text is too short.
        InvalidParameter: several do; the message names them.
    """
    known = sorted(known)
    found = [one for one in known if len(text) >= SHORTEST_PREFIX and one.startswith(text)]
    if not found:
        raise UnknownName("run", text, known)
    if len(found) > 1:
        shown = ", ".join(found[:MOST_NAMES])
        more = f", ... ({len(found)} in all)" if len(found) > MOST_NAMES else ""
        raise InvalidParameter(
            f"run {text!r} must be the beginning of one id only; it begins {shown}{more}."
        )
    return found[0]


def inside(root: Path, path: Path) -> Path:
    """Return `path`, taken from `root`, resolved with links followed; it need not exist.

    Raises:
        InvalidInput: it does not lie below `root`, or its links lead in a circle.
    """
    try:
        resolved, top = (root / path).resolve(), root.resolve()
    except (OSError, RuntimeError, ValueError):  # a circle of links, or a NUL in the name
        raise InvalidInput(f"The path {path.name!r} cannot be followed.") from None
    if resolved == top or not resolved.is_relative_to(top):
        raise InvalidInput(f"The path {path.name!r} leads out of the runs folder.")
    return resolved


@dataclass(frozen=True)
class RunLayout:
    """Where one run keeps what. Nothing is read or made here.

    Attributes:
        path: the run's folder.
    """

    path: Path

    @property
    def id(self) -> str:
        """The run's id, the folder's name."""
        return self.path.name

    @property
    def run_json(self) -> Path:
        """What to do; written once."""
        return self.path / "run.json"

    @property
    def state_json(self) -> Path:
        """Last known state; replaced atomically."""
        return self.path / "state.json"

    @property
    def edit_json(self) -> Path:
        """Name, tags and note; the only file that users edit."""
        return self.path / "edit.json"

    @property
    def alive_lock(self) -> Path:
        """Locked by the living worker; only `core.runs.locks` opens it."""
        return self.path / "alive.lock"

    @property
    def request_lock(self) -> Path:
        """Short mutual exclusion of pages that change this run's state."""
        return self.path / "request.lock"

    @property
    def history(self) -> Path:
        """One JSON row per epoch; append only."""
        return self.path / "history.jsonl"

    @property
    def events(self) -> Path:
        """Transitions, warnings and requests; append only."""
        return self.path / "events.jsonl"

    @property
    def log(self) -> Path:
        """The worker's standard output and error."""
        return self.path / "log.txt"

    @property
    def beat(self) -> Path:
        """Heartbeat and progress within the epoch."""
        return self.path / "beat"

    @property
    def reserve(self) -> Path:
        """Bytes given up first when the disk is full."""
        return self.path / "reserve"

    @property
    def attempts_dir(self) -> Path:
        """One file per start and one per exit."""
        return self.path / "attempts"

    @property
    def control_dir(self) -> Path:
        """Requests of pages."""
        return self.path / "control"

    @property
    def checkpoints_dir(self) -> Path:
        """State to resume from, and the best weights."""
        return self.path / "checkpoints"

    @property
    def predictions_dir(self) -> Path:
        """Outputs of every epoch."""
        return self.path / "predictions"

    @property
    def results_dir(self) -> Path:
        """Outputs of the best weights on the test split."""
        return self.path / "results"

    def analysis(self, key: str) -> Path:
        """Return the folder of what one analysis found; the key is a hash, never what a user wrote.

        It and the one around it are made by the analyst, and may be deleted at any time.
        """
        return self.path / "analysis" / key

    @property
    def predictions_index(self) -> Path:
        """What `predictions_dir` holds: splits, heads, sizes, sample ids and labels."""
        return self.predictions_dir / "index.json"

    @property
    def test_json(self) -> Path:
        """What `results_dir` holds, and the epoch of the weights."""
        return self.results_dir / "test.json"

    @property
    def best_weights(self) -> Path:
        """Parameters of the best epoch."""
        return self.checkpoints_dir / "best.safetensors"

    @property
    def best_json(self) -> Path:
        """Manifest of the best weights."""
        return self.checkpoints_dir / "best.json"

    @property
    def last_checkpoint(self) -> Path:
        """State at the end of the last epoch."""
        return self.checkpoints_dir / "last.pt"

    @property
    def prev_checkpoint(self) -> Path:
        """The checkpoint before `last_checkpoint`."""
        return self.checkpoints_dir / "prev.pt"

    @property
    def stop_request(self) -> Path:
        """Asks the worker to stop."""
        return self.control_dir / "stop.json"

    @property
    def pause_request(self) -> Path:
        """Beside `stop_request`: says that the run is to end as paused."""
        return self.control_dir / "pause.json"

    @property
    def kill_request(self) -> Path:
        """Beside `stop_request`: says that the worker will be killed if it does not stop."""
        return self.control_dir / "kill.json"

    @property
    def folders(self) -> tuple[Path, ...]:
        """The run's folder and those in it that a worker expects."""
        return (
            self.path,
            self.attempts_dir,
            self.control_dir,
            self.checkpoints_dir,
            self.predictions_dir,
            self.results_dir,
        )

    def outputs(self, split: str, head: str) -> Path:
        """Records of one head on one split, one per epoch."""
        return self.predictions_dir / f"{split}.{head}.f16"

    def test_outputs(self, head: str) -> Path:
        """One head's outputs on the test split."""
        return self.results_dir / f"test.{head}.npy"

    def attempt(self, number: int) -> Path:
        """Who trains the attempt."""
        return self.attempts_dir / f"{number:04d}.json"

    def exit(self, number: int) -> Path:
        """How the attempt ended, as the runner saw it."""
        return self.attempts_dir / f"{number:04d}.exit.json"


@dataclass(frozen=True)
class RunsLayout:
    """Where a runs folder keeps what lies beside the runs.

    Attributes:
        root: the runs folder.
    """

    root: Path

    def run(self, run_id: str) -> RunLayout:
        """Return the layout of a run's folder, which need not exist.

        Raises:
            UnknownName: the text is no run id.
        """
        if not RUN_ID.fullmatch(run_id):
            raise UnknownName("run", run_id, ())
        return RunLayout(self.root / run_id)

    @property
    def queue_dir(self) -> Path:
        """One entry per queued attempt."""
        return self.root / ".queue"

    @property
    def trash_dir(self) -> Path:
        """Deleted runs, for a while."""
        return self.root / ".trash"

    def trashed(self, run_id: str, moment: int) -> Path:
        """A run deleted at a moment, in nanoseconds since 1970."""
        return self.trash_dir / f"{run_id}-{moment}"

    def unfinished(self, name: str) -> Path:
        """Where a folder is made before it is renamed into place."""
        return self.root / f"{UNFINISHED}{name}"

    @property
    def people(self) -> Path:
        """Roles and limits; the administrator's, never changed by ours once it is there."""
        return self.root / ".people.json"

    def saved_dir(self, kind: str) -> Path:
        """What users keep under names: pipelines, slices or notes."""
        return self.root / ".saved" / kind

    def saved(self, kind: str, stem: str) -> Path:
        """One of them; `stem` is a hash, never what a user wrote."""
        return self.saved_dir(kind) / f"{stem}.json"

    def slot_lock(self, host: str, slot: str) -> Path:
        """Locked by the worker that occupies the slot."""
        return self.root / ".slots" / host / f"{slot}.lock"

    def runner_lock(self, host: str) -> Path:
        """Locked by the machine's runner."""
        return self.root / ".runner" / f"{host}.lock"

    def runner_log(self, host: str) -> Path:
        """The runner's standard output and error."""
        return self.root / ".runner" / f"{host}.log"

    def probe_lock(self, host: str) -> Path:
        """Used once to learn whether locks work in this folder."""
        return self.root / ".runner" / f"{host}.probe"
