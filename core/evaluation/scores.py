"""Scores: what each run of a comparison reaches in one metric, and how that would vary with other images.

Separate because accuracy gets there by counting and the other metrics by resampling, and what follows
(`intervals.py`) need not know. It leaves out everything that has to do with seeds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.alignment import aligned
from core.evaluation.paired import bootstrap_accuracy, mcnemar
from core.evaluation.resampling import (
    WeightedMetric,
    resampled,
    weighted_auc,
    weighted_macro_f1,
    weighted_rmse,
)
from core.exceptions import InvalidParameter, UnknownName
from core.predictions import Predictions


@dataclass(frozen=True)
class Metric:
    """A metric that can be compared.

    Attributes:
        name: key on the command line and in JSON.
        label: what the screen calls it.
        unit: what a sentence puts behind a difference, in the plural.
        scale: factor from the metric to that unit.
        decimals: of a difference in that unit.
        is_higher_better: whether more is better.
        worth_settling: the difference, in the metric, for which "how many more seeds" is answered unless told.
        highest: the largest value there is.
    """

    name: str
    label: str
    unit: str
    scale: float = 100
    decimals: int = 1
    is_higher_better: bool = True
    worth_settling: float = 0.01
    highest: float = 1.0


METRICS = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "accuracy", "points"),
        Metric("macro_f1", "macro F1", "points of macro F1"),
        Metric("auc", "AUC", "points of AUC"),
        Metric("rmse", "RMSE of the counts", "figures of RMSE", 1, 2, False, 0.05, np.inf),
    )
}
_RESAMPLED: dict[str, WeightedMetric] = {
    "macro_f1": weighted_macro_f1,
    "auc": weighted_auc,
    "rmse": weighted_rmse,
}
ACCURACY_RESAMPLES, RESAMPLES = 10_000, 1_000


@dataclass(frozen=True)
class Resampled:
    """One run in a metric that takes resampling: seconds of work, which may have been done elsewhere.

    Attributes:
        value: the metric on all images; NaN where it is undefined.
        replicates: (B,) the metric on B resamples of the images, the same ones for all runs on these images.
        num_images: N.
    """

    value: float
    replicates: NDArray[np.float64]
    num_images: int


@dataclass(frozen=True)
class Scores:
    """One metric of R runs on the same N images.

    Attributes:
        metric: which one.
        values: (R,) the metric on all images; NaN where it is undefined.
        covariance: (R, R) of the values, over other images drawn like these, for these very networks.
        num_images: N.
        right: (R, N) whether a run is right on an image; accuracy only.
        replicates: (B, R) the metric on B resamples of the images; the other metrics only.
        seed: of the resampling.
    """

    metric: Metric
    values: NDArray[np.float64]
    covariance: NDArray[np.float64]
    num_images: int
    right: NDArray[np.bool_] | None = None
    replicates: NDArray[np.float64] | None = None
    seed: int = 0

    def image_replicates(self, runs_a: Sequence[int], runs_b: Sequence[int] = ()) -> NDArray:
        """Return resampled means of some runs, or differences between the means of two sets, (B,).

        Equal runs give equal replicates, whichever other runs are compared beside them.
        """
        first, second = list(runs_a), list(runs_b)
        if self.right is not None:
            rng = np.random.default_rng(self.seed)
            right_b = self.right[second] if second else None
            return bootstrap_accuracy(self.right[first], right_b, ACCURACY_RESAMPLES, rng)
        assert self.replicates is not None
        mean = self.replicates[:, first].mean(axis=1)
        return mean - self.replicates[:, second].mean(axis=1) if second else mean

    def exact_p(self, run_a: int, run_b: int) -> float | None:
        """Return McNemar's exact p-value of two single networks, or None where the metric has none."""
        return None if self.right is None else mcnemar(self.right[run_a], self.right[run_b])


def metric_of(name: str) -> Metric:
    """Return a metric by its name.

    Raises:
        UnknownName: there is none; the message suggests the nearest.
    """
    if name not in METRICS:
        raise UnknownName("metric", name, METRICS)
    return METRICS[name]


def values_of(metric: Metric, runs: Sequence[Predictions]) -> NDArray[np.float64]:
    """Return the metric of each run, (R,), in the metric's own unit; NaN where it is undefined."""
    if metric.name == "accuracy":
        return np.array([run.is_right.mean() if len(run) else np.nan for run in runs])
    weighted = _RESAMPLED[metric.name]
    return np.array([weighted(run, np.ones((len(run), 1), np.float32))[0] for run in runs])


def scores(metric: Metric, runs: Sequence[Predictions], seed: int = 0) -> Scores:
    """Measure aligned runs and how their values vary together over images.

    Accuracy is a mean over images, whose covariance needs no resampling; the other metrics take 1,000 resamples.

    Args:
        metric: of METRICS.
        runs: R predictions on the same images, row by row (core.evaluation.alignment).
        seed: of the resampling: equal seeds give equal numbers.

    Raises:
        InvalidParameter: no runs.
    """
    if not runs:
        raise InvalidParameter("scores needs at least one run; got none.")
    if metric.name == "accuracy":
        return accuracy_scores(np.array([run.is_right for run in runs]), seed)
    return resampled_scores(metric, resample(metric, runs, seed), seed)


def takes_resampling(metric: Metric) -> bool:
    """Return whether a metric is no mean over images, so that its intervals take resampling."""
    return metric.name in _RESAMPLED


def resample(
    metric: Metric,
    runs: Sequence[Predictions],
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> list[Resampled]:
    """Measure aligned runs on all images and on 1,000 resamples of them.

    What comes out for a run depends on its images and the seed, not on the other runs.

    Args:
        metric: one that takes resampling.
        runs: predictions on the same images, row by row (core.evaluation.alignment), at least one.
        seed: of the resampling.
        progress: told the share that is done, in [0, 1].
    """
    rng = np.random.default_rng(seed)
    replicates = resampled(_RESAMPLED[metric.name], runs, RESAMPLES, rng, progress)
    return [
        Resampled(float(value), replicates[:, place], len(runs[0]))
        for place, value in enumerate(values_of(metric, runs))
    ]


def resample_shared(
    metric: Metric,
    runs: Mapping[str, Predictions],
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Resampled]:
    """Measure runs as `resample` does, on the images that all of them share.

    Args:
        metric: one that takes resampling.
        runs: name -> predictions; without counts a run is left out where counts are measured.
        seed: of the resampling.
        progress: told the share that is done, in [0, 1].

    Raises:
        InvalidParameter: they cannot be compared (core.evaluation.alignment).
    """
    # Each by itself, so that none is taken for another one's double.
    alone = {name: [one] for name, one in runs.items()}
    shared = aligned(alone, with_counts=metric.name == "rmse").variants
    found = resample(metric, [one for (one,) in shared.values()], seed, progress)
    return dict(zip(shared, found, strict=True))


def resampled_scores(metric: Metric, runs: Sequence[Resampled], seed: int = 0) -> Scores:
    """Return the scores of runs that were resampled together, at least one."""
    replicates = np.column_stack([run.replicates for run in runs])
    # A resample of few images may hold one class only, of which no AUC exists.
    replicates = replicates[~np.isnan(replicates).any(axis=1)]
    if len(replicates) < RESAMPLES // 2:
        covariance = np.full((len(runs), len(runs)), np.nan)
    else:
        covariance = np.atleast_2d(np.cov(replicates, rowvar=False))
    values = np.array([run.value for run in runs])
    return Scores(metric, values, covariance, runs[0].num_images, replicates=replicates, seed=seed)


def accuracy_scores(right: NDArray[np.bool_], seed: int = 0) -> Scores:
    """Return the accuracies of R runs from what they are right on, (R, N); N is at least 2."""
    num_images = right.shape[1]
    covariance = np.atleast_2d(np.cov(right.astype(np.float64))) / num_images
    return Scores(
        METRICS["accuracy"], right.mean(axis=1), covariance, num_images, right=right, seed=seed
    )
