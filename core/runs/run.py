"""Run: one run folder as a reader sees it. The config stays a plain dict here; `core.config` knows what it means."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from core.exceptions import DamagedRun, InvalidParameter, NewerRun, RunStateError
from core.predictions import Predictions
from core.runs import files, history, outputs
from core.runs.layout import RunLayout
from core.runs.state import RunState


def config_sha256(config: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a config's canonical JSON (sorted keys), as hexadecimal digits."""
    return hashlib.sha256(orjson.dumps(config, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True)
class Run:
    """A run as it was read.

    Attributes:
        layout: where it lies.
        spec: `run.json`, or {} when damaged.
        state: derived state, or "damaged", with what else is known of it.
        edit: `edit.json`: name, tags, note.
        damaged: why the run cannot be trusted, or None.
    """

    layout: RunLayout
    spec: dict[str, Any]
    state: RunState
    edit: dict[str, Any] = field(default_factory=dict)
    damaged: str | None = None

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.layout.id

    @property
    def config(self) -> dict[str, Any]:
        """The resolved settings, as JSON."""
        return self.spec.get("config", {})

    @property
    def variant(self) -> str | None:
        """Name of the variant that it started from."""
        return self.config.get("variant")

    @property
    def dataset(self) -> str | None:
        """Name of its data set."""
        return self.config.get("dataset", {}).get("name")

    @property
    def seed(self) -> int | None:
        """Seed of weights, order and everything drawn."""
        return self.spec.get("seed")

    @property
    def name(self) -> str | None:
        """What the user calls it, or None."""
        return self.edit.get("name") or self.spec.get("name")

    @property
    def tags(self) -> list[str]:
        """Words by which the user finds it again."""
        return self.edit.get("tags", [])

    @property
    def note(self) -> str | None:
        """What the user wrote about it, or None."""
        return self.edit.get("note")

    @property
    def created(self) -> float | None:
        """When it was submitted, in Unix seconds."""
        return self.spec.get("created")

    @property
    def title(self) -> str:
        """How a page calls it: "dense-base, seed 3, 14:25" (local time)."""
        if self.damaged is not None:
            return f"damaged run {self.id}"
        clock = time.strftime("%H:%M", time.localtime(self.created))
        return f"{self.name or self.variant}, seed {self.seed}, {clock}"

    def history(self) -> list[dict[str, Any]]:
        """Return the rows of its history, one per epoch, ascending."""
        return history.history(self.layout)

    def predictions(self, split: str, epoch: int | None = None) -> Predictions:
        """Return what the network said of a split.

        Args:
            split: "test" (best weights), "validation" or "train" (the fixed slice).
            epoch: of validation and train; the best one by default.

        Raises:
            RunStateError: nothing is stored (yet).
            UnknownName: no such split is stored.
            InvalidParameter: the history names no such epoch.
            DamagedRun: they cannot be read.
        """
        if split == "test":
            return outputs.final_predictions(self.layout)
        epochs = [row["epoch"] for row in self.history()]
        epoch = self.state.best_epoch if epoch is None else epoch
        if not epochs or epoch is None:
            raise RunStateError(
                f"Run {self.id} has finished no epoch yet, so no outputs on {split} are stored."
            )
        if epoch not in epochs:
            # Between the finished epochs' records there may be one that is half written.
            raise InvalidParameter(
                f"epoch must lie in [{epochs[0]}, {epochs[-1]}] for run {self.id}; got {epoch}."
            )
        return outputs.epoch_predictions(self.layout, split, epoch)

    def row(self) -> dict[str, Any]:
        """Return the run as `petridish runs list --json` shows it; times in Unix seconds."""
        state = self.state
        return {
            "id": self.id,
            "name": self.name,
            "dataset": self.dataset,
            "variant": self.variant,
            "seed": self.seed,
            "suite": self.spec.get("suite"),
            "state": state.state,
            "reason": state.reason,
            "message": state.message,
            "epoch": state.epoch,
            "epochs": state.epochs,
            "owner": self.spec.get("owner"),
            "created": self.created,
            "started": state.started,
            "ended": state.ended,
            "best_epoch": state.best_epoch,
            "best_validation_accuracy": state.best_validation_accuracy,
            "damaged": self.damaged,
            "tags": self.tags,
            "note": self.note,
        }


_TEXT_OR_NONE = (str, type(None))
_SPEC_TYPES: dict[str, type | tuple[type, ...]] = {
    "schema": int,
    "config": dict,
    "config_sha256": str,
    "data_fingerprint": str,
    "seed": int,
    "created": (int, float),
    "owner": str,
    "resources": dict,
    "name": _TEXT_OR_NONE,
    "suite": _TEXT_OR_NONE,
}
_LATEST = 2**34
"""Unix seconds; a later time is nonsense, and C libraries refuse it."""


def read_spec(layout: RunLayout) -> dict[str, Any]:
    """Return `run.json`.

    Raises:
        DamagedRun: it is missing, or not what was submitted.
        NewerRun: a later version wrote it.
    """
    try:
        spec = files.read_json(layout.run_json)
    except FileNotFoundError:
        raise DamagedRun("run.json is missing") from None
    wrong = _wrong_in(spec)
    if isinstance(spec.get("schema"), int) and spec["schema"] > files.SCHEMA:
        raise NewerRun(f"run.json has schema {spec['schema']}", {} if wrong else spec)
    if wrong:
        raise DamagedRun(f"run.json: {wrong}"[:200])
    if spec.get("id") != layout.id:
        raise DamagedRun(f"run.json belongs to {str(spec.get('id'))[:40]!r}, not to this folder")
    if config_sha256(spec["config"]) != spec["config_sha256"]:
        raise DamagedRun("run.json: the config does not match its hash")
    return spec


def read_edit(layout: RunLayout) -> dict[str, Any]:
    """Return the user's name, tags and note; a missing or damaged file is no loss and gives {}."""
    try:
        edit = files.read_json(layout.edit_json)
    except (OSError, DamagedRun):
        return {}
    return {} if wrong_in_edit(edit) else edit


def wrong_in_edit(edit: Mapping[str, Any]) -> str | None:
    """Return what of an `edit.json` is not of the type that readers rely on, or None."""
    tags = edit.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(one, str) for one in tags):
        return f"tags is {tags!r}"[:200]
    for key in ("name", "note"):
        if not isinstance(edit.get(key), _TEXT_OR_NONE):
            return f"{key} is {edit[key]!r}"[:200]
    return None


def _wrong_in(spec: Mapping[str, Any]) -> str | None:
    """Return what of a `run.json` is not of the type that readers rely on, or None."""
    for key, kind in _SPEC_TYPES.items():
        if not isinstance(spec.get(key), kind) or isinstance(spec.get(key), bool):
            return f"{key} is {spec.get(key)!r}"
    if not 0 <= spec["created"] < _LATEST:
        return f"created is {spec['created']!r}"
    dataset = spec["config"].get("dataset")
    name = dataset.get("name") if isinstance(dataset, dict) else None
    if not isinstance(name, str) or not isinstance(spec["config"].get("variant"), str):
        return "the config names no data set or no variant"
    return None
