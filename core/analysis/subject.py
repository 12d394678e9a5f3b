"""Subject: what an analysis is of, a run's best weights and the data that they were fitted to, and the key of its result.

Apart from the analyses because pages name results by it without loading a network. How results are kept is `kept.py`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from core.exceptions import DamagedRun, RunStateError
from core.runs import files
from core.runs.layout import RunLayout
from core.runs.run import Run, read_spec
from core.runs.state import RunState, read_state

if TYPE_CHECKING:
    from core.datasets.base import Dataset

VERSION = 1
"""Raised when an analysis of the same settings gives something else, so that no result of before is read."""


@dataclass(frozen=True)
class Subject:
    """A run's weights and its data.

    Attributes:
        layout: the run's folder.
        weights: SHA-256 of the best weights, as their manifest says it.
        fingerprint: of the data set that the run was trained on.
    """

    layout: RunLayout
    weights: str
    fingerprint: str

    def key(self, kind: str, settings: Mapping[str, Any]) -> str:
        """Return the key of an analysis: equal for equal weights, data, kind and settings, 32 hexadecimal digits."""
        depends_on = {
            "version": VERSION,
            "run": self.layout.id,
            "weights": self.weights,
            "fingerprint": self.fingerprint,
            "kind": kind,
            "settings": settings,
        }
        text = orjson.dumps(depends_on, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(text).hexdigest()[:32]


def subject_of(run: Run) -> Subject:
    """Return what an analysis of a run is of.

    Raises:
        RunStateError: there are no weights yet, or not any more.
        DamagedRun: the run or the manifest of its weights cannot be trusted.
    """
    if run.damaged is not None:
        raise DamagedRun(f"Run {run.id} is damaged: {run.damaged}.")
    try:
        manifest = files.read_json(run.layout.best_json)
    except FileNotFoundError:
        raise RunStateError(
            f"Run {run.id} has no weights, so nothing can be asked of its network; "
            "they are stored when its first epoch ends."
        ) from None
    except (OSError, DamagedRun) as error:
        raise DamagedRun(f"Run {run.id}: best.json cannot be read: {error}.") from None
    weights = manifest.get("weights_sha256") or manifest.get("sha256")
    if not isinstance(weights, str):
        raise DamagedRun(f"Run {run.id}: best.json does not say which weights it is about.")
    return Subject(run.layout, weights, str(run.spec.get("data_fingerprint")))


def run_at(layout: RunLayout) -> Run:
    """Return the run of a folder, without a store: who holds which lock is of no interest to an analysis."""
    try:
        return Run(layout, read_spec(layout), read_state(layout))
    except DamagedRun as error:
        return Run(layout, {}, RunState("damaged"), damaged=str(error))


def dataset_of(run: Run, data_dir: Path) -> "Dataset":
    """Return the data set that a run was trained on.

    Raises:
        InvalidParameter: another version wrote its settings, and they mean nothing here.
        DamagedRun: the data set is gone or cannot be read, or its pixels are others now.
    """
    from core.config import (
        RunConfig,
    )  # it brings torch, which a page that names results does not need

    config = RunConfig.checked(run.config)
    try:
        found = config.dataset.load(data_dir)
    except OSError as error:
        raise DamagedRun(
            f"The data set {run.dataset!r} cannot be read: {error.strerror}."
        ) from None
    if found.fingerprint != run.spec.get("data_fingerprint"):
        raise DamagedRun(f"The data set {run.dataset!r} has changed since this run was trained.")
    return found
