"""Estimates: how long a run will take and how much memory, from finished runs or from a probe of a few seconds.

Only what decides the cost of an epoch is compared: data, network, augmentation, batch size, what the optimizer keeps.
A learning rate costs nothing, so a sweep over it needs one estimate. It leaves out when a slot will be free.
"""

import contextlib
import math
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from core.config import RunConfig
from core.jobs import slots
from core.runs.run import Run

if TYPE_CHECKING:
    from core.datasets.base import Dataset

PROBE_SECONDS = 2.0
MOST_RUNS = 5
"""Finished runs that an estimate rests on, the newest: versions and machines change."""

_COSTLY = ("optimizer", "batch_size", "precision", "is_input_standardised")
"""Training settings whose value decides what a step costs."""

_KEPT = ("momentum", "ema_decay", "gradient_clip")
"""Those of which it only matters whether they are on: each is a pass over the weights more."""

History = Callable[[Run], Sequence[Mapping[str, Any]]]
"""Returns a run's rows, one per epoch."""


@dataclass(frozen=True)
class Estimate:
    """What one run will cost, in seconds of the clock on this machine.

    Attributes:
        most_seconds: if no stage stops early.
        usual_seconds: as long as equal runs took that could stop early, or None where there are none.
        epoch_seconds: of one epoch.
        peak_memory: bytes of the worker, or None when unknown.
        num_runs: finished runs that it rests on; 0 for a probe.
    """

    most_seconds: float
    usual_seconds: float | None
    epoch_seconds: float
    peak_memory: int | None
    num_runs: int

    @property
    def seconds(self) -> float:
        """As long as it usually takes, else as it may at most."""
        return self.most_seconds if self.usual_seconds is None else self.usual_seconds


def cost_key(config: RunConfig | Mapping[str, Any]) -> bytes:
    """Return what is equal for two configs whose epochs cost the same; the seed never matters.

    Args:
        config: a config, or one as `run.json` has it, perhaps of an earlier version.
    """
    values = config.to_json() if isinstance(config, RunConfig) else config
    training = values.get("training", {})
    costs = {name: training[name] for name in _COSTLY if training.get(name)}
    costs |= {name: True for name in _KEPT if training.get(name)}
    augmentation = values.get("augmentation") or {}
    changes = {
        name: augmentation[name] for name in ("expansion", "steps") if augmentation.get(name)
    }
    parts = [values.get("dataset"), values.get("model"), changes, costs]
    return orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)


def from_runs(
    configs: Sequence[RunConfig], runs: Sequence[Run], history: History, host: str
) -> list[Estimate | None]:
    """Return an estimate for each config from finished runs of equal cost on a machine, None where there are none.

    Args:
        configs: what is to be trained.
        runs: newest first.
        history: reads a run's rows.
        host: name of the machine.
    """
    wanted = {cost_key(config) for config in configs}
    found: dict[bytes, list[Run]] = {}
    for run in runs:
        if run.damaged is None and run.state.state == "finished" and run.state.host == host:
            key = cost_key(run.config)
            if key in wanted and len(found.setdefault(key, [])) < MOST_RUNS:
                found[key].append(run)
    rows = {run.id: history(run) for some in found.values() for run in some}
    return [_from(config, found.get(cost_key(config), []), rows) for config in configs]


def probe_config(config: RunConfig) -> RunConfig:
    """Return a config of equal cost that is the same whatever else differs, so that one probe answers for all of them."""
    training = config.training
    kept = {name: getattr(training, name) for name in (*_COSTLY, *_KEPT)}
    losses = {name: getattr(training, name) for name in ("class_loss_weight", "count_loss_weight")}
    plain = type(training)(**kept, **losses, patience=0)
    return config.model_copy(update={"training": plain, "stages": (), "variant": "probe"})


def from_probe(config: RunConfig, found: Mapping[str, Any]) -> Estimate:
    """Return the estimate that a probe of a config of equal cost gives.

    Args:
        config: what is to be trained.
        found: what `probe` returned.
    """
    epoch_seconds = found["epoch_seconds"]
    return Estimate(
        config.max_epochs * epoch_seconds, None, epoch_seconds, found["peak_memory"], num_runs=0
    )


def probe(config: RunConfig, dataset: "Dataset", seconds: float = PROBE_SECONDS) -> dict[str, Any]:
    """Train for a few seconds as a run would and return epoch_seconds and peak_memory (bytes of this process).

    What a step costs is measured after the first one, and evaluation on a batch of validation images; a whole epoch is
    measured as it is where it ends in time.

    Args:
        config: what to train.
        dataset: what `config.dataset` loads.
        seconds: after which to stop, at the end of a step.

    Raises:
        CoreError: it cannot be trained.
    """
    import torch

    from core.models.forward import EVALUATION_BATCH_SIZE, build_network, predict
    from core.training import device as devices
    from core.training.data import TrainingData, batch_bounds
    from core.training.loop import EpochResult, train

    device = devices.choose("auto").device
    data = TrainingData.from_dataset(dataset)
    network = build_network(
        config.model,
        dataset.image_shape,
        dataset.space,
        0,
        config.training.is_input_standardised,
    )
    course = config.stage_configs[0]
    num_rows = len(data.train) * config.augmentation.num_copies
    num_steps = len(batch_bounds(num_rows, course.batch_size))
    started, first, last = time.perf_counter(), None, None
    measured = None
    for sign in train(
        network, data, course, 0, device, augmentation=config.augmentation, tick_seconds=0
    ):
        if isinstance(sign, EpochResult):
            measured = float(sign.history["epoch_seconds"])
        else:
            last = (sign.step, sign.seconds)
            first = first or last
        if time.perf_counter() - started >= seconds:
            break
    if measured is None:
        assert first is not None and last is not None  # no epoch ended, so a step did
        # The first step also draws the epoch's numbers and warms caches up; a single step is all there is then.
        steps, spent = last[0] - first[0], last[1] - first[1]
        step_seconds = spent / steps if steps else last[1]
        images = data.validation.images[:EVALUATION_BATCH_SIZE]
        begin = time.perf_counter()
        with torch.no_grad():
            predict(network, images, EVALUATION_BATCH_SIZE, device)
        per_image = (time.perf_counter() - begin) / len(images)
        num_evaluated = len(data.validation) + len(data.train_slice_ids)
        measured = num_steps * step_seconds + num_evaluated * per_image
    return {"epoch_seconds": measured, "peak_memory": _peak_memory()}


def num_slots() -> int:
    """Return how many runs this machine trains at a time."""
    return len(_slots())


def total_seconds(estimates: Sequence[Estimate], num_seeds: int, at_once: int) -> float:
    """Return how long runs take together from the first start on: their sum over the slots, and the longest at least.

    Args:
        estimates: of each config.
        num_seeds: runs of each.
        at_once: runs trained at a time.
    """
    if not estimates:
        return 0.0
    total = num_seeds * sum(one.seconds for one in estimates)
    return max(total / at_once, max(one.seconds for one in estimates))


@lru_cache(maxsize=1)
def _slots() -> Sequence[str]:
    # Asked once: counting GPUs starts a process.
    return slots.slots_for("auto", slots.cpu_slots(), slots.gpu_slots())


def _from(
    config: RunConfig, runs: Sequence[Run], rows: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Estimate | None:
    seconds = [_seconds(rows[run.id]) for run in runs]
    seconds = [some for some in seconds if some]
    if not seconds:
        return None
    epoch_seconds = statistics.median(statistics.median(some) for some in seconds)
    peaks = [row.get("peak_memory") for run in runs for row in rows[run.id]]
    # As many epochs as runs took that end by the same rule.
    rule = _ending(config.to_json())
    alike = [len(rows[run.id]) for run in runs if _ending(run.config) == rule]
    usual = epoch_seconds * statistics.median(alike) if alike else None
    return Estimate(
        config.max_epochs * epoch_seconds,
        usual,
        epoch_seconds,
        max((one for one in peaks if isinstance(one, int)), default=None),
        len(seconds),
    )


def _seconds(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    values = [row.get("epoch_seconds") for row in rows]
    return [one for one in values if isinstance(one, int | float) and math.isfinite(one)]


def _ending(config: Mapping[str, Any]) -> Any:
    names = ("max_epochs", "patience", "min_gain", "early_stopping_metric")
    training = config.get("training", {})
    return [training.get(name) for name in names], config.get("stages") or []


def _peak_memory() -> int:
    # On Linux getrusage() remembers the peak of the process that started this one, and that is a server with torch.
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    # Linux gives kibibytes, macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
