"""Course: a run's history as verdicts read it, and the numbers they rest on: best epoch, plateau, volatility.

Separate from the sentences because a table asks for the same numbers. A course forgives everything: a missing key, null
and NaN are no value at all. It leaves out the curves as they are drawn (`learning_curves`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import fmean, median
from typing import Any, Self

from core.evaluation.margin import ACCURACY, LOSS, LOSS_MARGIN, Metric, is_known, margin

Rows = Sequence[Mapping[str, Any]]

SMOOTHED_EPOCHS = 3
"""Width of the moving mean: the narrowest that a single lucky epoch does not decide."""

EPOCHS_AFTER_PLATEAU = 2
"""Epochs that must follow before a plateau is one: the last epochs of any rise look flat."""

LEAST_VOLATILE_EPOCHS = 4
"""Epochs below which nothing is said of volatility: among three, one lucky one decides."""


@dataclass(frozen=True)
class Course:
    """The history of one run with what explains it. Made by `Course.of`.

    Attributes:
        rows: one per epoch, by rising epoch.
        config: of the run, as JSON; {} when unknown.
        num_validation: images of the validation split, or None when unknown.
        state: of the run ("finished"), or None when unknown.
        reason: why it is in that state ("nan_loss"), or None.
        label: what sentences call the run.
    """

    rows: Rows
    config: Mapping[str, Any] = field(default_factory=dict)
    num_validation: int | None = None
    state: str | None = None
    reason: str | None = None
    label: str = "this run"

    @classmethod
    def of(cls, rows: Rows, config: Mapping[str, Any] | None = None, **facts: Any) -> Self:
        """Make it from rows of `history.jsonl`; those without an epoch are left out, of equal epochs the last counts."""
        by_epoch = {row["epoch"]: row for row in rows if is_whole(row.get("epoch"))}
        return cls([by_epoch[epoch] for epoch in sorted(by_epoch)], mapping(config), **facts)

    @property
    def last_epoch(self) -> int:
        """The last epoch done, 0 before there is one."""
        return self.rows[-1]["epoch"] if self.rows else 0

    @property
    def stage(self) -> int:
        """Number of the last epoch's stage, from 0."""
        stage: Any = self.rows[-1].get("stage") if self.rows else None
        return stage if is_whole(stage) else 0

    @property
    def last_stage(self) -> Self:
        """The same course with the rows of its last stage only."""
        rows = [row for row in self.rows if (row.get("stage") or 0) == self.stage]
        return replace(self, rows=rows)

    @property
    def has_stages(self) -> bool:
        """Whether the run trains in more than one stage."""
        return len(self._stages) > 1

    @property
    def _stages(self) -> Sequence[Any]:
        stages = self.config.get("stages")
        return stages if isinstance(stages, list | tuple) else ()

    def setting(self, name: str) -> Any:
        """Return a training setting as it holds in the last epoch's stage; None where there is none."""
        settings = dict(mapping(self.config.get("training")))
        if 0 <= self.stage < len(self._stages):
            settings |= mapping(mapping(self._stages[self.stage]).get("changes"))
        return settings.get(name)

    def number(self, name: str) -> float:
        """Return a training setting that is a number, 0 where there is none."""
        return finite(self.setting(name)) or 0.0

    def values(self, key: str) -> dict[int, float]:
        """Return epoch -> value of a key, by rising epoch, without what is not a finite number."""
        found = {row["epoch"]: finite(row.get(key)) for row in self.rows}
        return {epoch: value for epoch, value in found.items() if value is not None}

    def at(self, epoch: int | None, metric: Metric, *splits: str) -> tuple[float | None, ...]:
        """Return a metric of each split in one epoch, None where there is none."""
        row = next((row for row in self.rows if row["epoch"] == epoch), {})
        return tuple(finite(row.get(metric.key(split))) for split in splits)

    @cached_property
    def metric(self) -> Metric:
        """What the run is judged by: accuracy; loss where classes are not trained or have no accuracy."""
        is_counting_only = finite(self.setting("class_loss_weight")) == 0
        has_accuracy = bool(self.values(ACCURACY.key("validation")))
        return ACCURACY if has_accuracy and not is_counting_only else LOSS

    @cached_property
    def watched(self) -> Metric:
        """What decides which epoch is best: `metric`, but loss where early stopping watches the loss."""
        return (
            LOSS if self.setting("early_stopping_metric") == LOSS.key("validation") else self.metric
        )

    @cached_property
    def curve(self) -> dict[int, float]:
        """Epoch -> the watched metric on validation."""
        return self.values(self.watched.key("validation"))

    @property
    def best_epoch(self) -> int | None:
        """The epoch of the best value of `curve`, the first of equals; None before there is one."""
        curve, sign = self.curve, self.watched.sign
        return max(curve, key=lambda epoch: sign * curve[epoch], default=None)

    @property
    def plateau_epoch(self) -> int | None:
        """The first epoch whose smoothed value lies within one margin of the best smoothed one.

        None where fewer than `EPOCHS_AFTER_PLATEAU` epochs follow it: then it may still be a rise.
        """
        curve, sign = smoothed(self.curve), self.watched.sign
        if not curve:
            return None
        best = max(curve.values(), key=lambda value: sign * value)
        enough = sign * best - self.margin(self.watched, best)
        reached = next(epoch for epoch, value in curve.items() if sign * value >= enough)
        num_after = sum(epoch > reached for epoch in curve)
        return reached if num_after >= EPOCHS_AFTER_PLATEAU else None

    @property
    def volatility(self) -> float:
        """How far `curve` typically lies from its own moving mean, in the metric's own unit.

        It is the median distance over the later half of the epochs, the last one left out, so that neither a steady rise
        nor one jump, such as a new stage gives, counts. NaN with fewer than `LEAST_VOLATILE_EPOCHS` such epochs.
        """
        curve = self.curve
        means, later = smoothed(curve), list(curve)[len(curve) // 2 : -1]
        if len(later) < LEAST_VOLATILE_EPOCHS:
            return math.nan
        return median(abs(curve[epoch] - means[epoch]) for epoch in later)

    def margin(self, metric: Metric, value: float) -> float:
        """Return how far chance in the choice of the validation images moves a value; see `margin`."""
        return margin(metric, value, self.num_validation)

    def margin_words(self, metric: Metric, value: float) -> str:
        """Return a margin as "0.3 points, one standard error on 10,500 images"."""
        size = metric.difference(self.margin(metric, value))
        if metric is LOSS:
            return f"{size}, {100 * LOSS_MARGIN:g} % of it"
        if not is_known(self.num_validation):
            return f"{size}, an assumed margin"
        return f"{size}, one standard error on {self.num_validation:,} images"


def smoothed(curve: Mapping[int, float]) -> dict[int, float]:
    """Return the centred moving mean over `SMOOTHED_EPOCHS` recorded epochs, over fewer at the ends, by epoch."""
    values, reach = list(curve.values()), SMOOTHED_EPOCHS // 2
    return {
        epoch: fmean(values[max(0, at - reach) : at + reach + 1]) for at, epoch in enumerate(curve)
    }


def finite(value: Any) -> float | None:
    """Return a finite number as it is, and None for anything else: null, NaN, text, true."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def is_whole(value: Any) -> bool:
    """Say whether a value is an int; true is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a JSON object as it is, and {} for anything else."""
    return value if isinstance(value, Mapping) else {}
