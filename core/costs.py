"""Costs: what a run took to train and what its network takes to use: epochs, seconds, memory, parameters, multiply-adds.

Apart from the comparison of results (`core.lineup`), which sets these numbers beside them. It reads the small files of a
run folder and builds networks that are never trained; it leaves out what a run that has not been started would take.
"""

from functools import lru_cache
from statistics import fmean, median
from typing import Any

import orjson
import pandas as pd
import torch

from core.config import RunConfig
from core.evaluation.course import Course, Rows
from core.exceptions import CoreError, DamagedRun
from core.labels import LabelSpace
from core.models.layers import multiply_adds
from core.runs import files
from core.runs.run import Run

COST_COLUMNS = (
    "best_epoch", "epochs", "plateau_epoch", "epoch_seconds", "seconds", "parameters", "multiply_adds", "peak_memory",
)  # fmt: skip


def run_costs(run: Run, rows: Rows, num_validation: int | None = None) -> dict[str, float]:
    """Return what a run took so far.

    Args:
        run: the run.
        rows: its history.
        num_validation: images of its validation split; the plateau's margin rests on it.

    Returns:
        best_epoch (of what early stopping watches), epochs (trained), plateau_epoch (the first within one margin of the
        best smoothed value, see `core.evaluation.course`), epoch_seconds (median of its epochs, evaluation included),
        seconds (all epochs together), parameters (numbers in the network), multiply_adds (of one view of one image),
        peak_memory (largest, bytes); NaN where unknown.
    """
    course = Course.of(rows, run.config, num_validation=num_validation, state=run.state.state)
    seconds = list(course.values("epoch_seconds").values())
    memory = course.values("peak_memory").values()
    manifest = _manifest(run)
    return {
        "best_epoch": _number(course.best_epoch),
        "epochs": float(len(course.rows)),
        "plateau_epoch": _number(course.plateau_epoch),
        "epoch_seconds": median(seconds) if seconds else float("nan"),
        "seconds": sum(seconds) if seconds else float("nan"),
        "parameters": _number(manifest.get("parameters")),
        "multiply_adds": _multiply_adds(run, manifest),
        "peak_memory": max(memory, default=float("nan")),
    }


def variant_costs(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the costs of each variant from those of its runs.

    Args:
        runs: one row a run: variant and the keys of `run_costs`.

    Returns:
        One row a variant, in the order of first occurrence: variant and the same columns; the mean over its runs, of
        peak_memory the largest; NaN where no run knows it.
    """
    rows = []
    for variant, part in runs.groupby("variant", sort=False):
        row: dict[str, Any] = {"variant": variant}
        for name in COST_COLUMNS:
            known = part[name].dropna().tolist()
            if not known:
                row[name] = float("nan")
            else:
                row[name] = max(known) if name == "peak_memory" else fmean(known)
        rows.append(row)
    return pd.DataFrame(rows, columns=["variant", *COST_COLUMNS])


def _multiply_adds(run: Run, manifest: dict[str, Any]) -> float:
    """Return the multiply-adds of a run's network for one image; NaN where its folder does not say enough."""
    shape, space = manifest.get("image_shape"), _space(run)
    match shape:
        case [int(channels), int(height), int(width)] if min(shape) > 0 and space is not None:
            # What does not change the network is left at its defaults, so that a grid of settings builds it once.
            plain = {**run.config, "training": {}, "stages": [], "augmentation": {}}
            config = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
            return _of_config(config, (channels, height, width), space)
    return float("nan")


@lru_cache(maxsize=512)
def _of_config(config: bytes, image_shape: tuple[int, int, int], space: bytes) -> float:
    try:
        model = RunConfig.checked(orjson.loads(config)).model
        # Not on "meta", though nothing needs computing: passing an image through there imports torch's symbolic parts
        # first, 3.8 CPU seconds in each process.
        with torch.random.fork_rng(devices=[]):
            network = model.build(image_shape, LabelSpace.from_json(orjson.loads(space)))
        return float(multiply_adds(network, image_shape))
    except CoreError:
        # Another version's settings mean nothing here; that is no reason to leave the run out.
        return float("nan")


def _space(run: Run) -> bytes | None:
    path = run.layout.predictions_index
    try:
        status = path.stat()
    except OSError:
        return None
    return _space_in(str(path), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=2000)
def _space_in(path: str, _modified: int, _size: int) -> bytes | None:
    with open(path, "rb") as file:
        try:
            return orjson.dumps(orjson.loads(file.read())["label_space"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return None


def _manifest(run: Run) -> dict[str, Any]:
    try:
        return files.read_json(run.layout.best_json)
    except (OSError, DamagedRun):
        return {}


def _number(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else float("nan")
