"""Comparison: which variant is better, and is it real? The one answer that page, command line and report show.

Separate because it puts the parts together: alignment, scores, intervals, Holm, power, ranks, sentences. It leaves out
reading runs and what a run cost; the caller adds that.

What "real" means: the variants, not only these networks, differ: both have three seeds or more, the interval covers
images and seeds, and the p-value adjusted for all pairs (Holm) is below 0.05. With fewer seeds of either, only the
networks at hand can be said to differ, which is `networks_differ` and never `real`. In simulations without any
difference (tests and benchmarks/comparison.py) a single pair is called real in at most 6 % of the cases from three
seeds on.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from core.evaluation.alignment import Aligned, aligned
from core.evaluation.intervals import (
    FEWEST_SEEDS,
    LEVEL,
    Estimate,
    difference_estimate,
    mean_estimate,
)
from core.evaluation.paired import holm
from core.evaluation.power import detectable_difference, further_seeds
from core.evaluation.ranking import ranking
from core.evaluation.scores import (
    Metric,
    Resampled,
    Scores,
    accuracy_scores,
    metric_of,
    resample,
    resampled_scores,
    takes_resampling,
)
from core.evaluation.seeds import seed_summary
from core.evaluation.sentences import detectable_sentence, pair_sentence, ranking_sentence
from core.exceptions import InvalidParameter, UnknownName
from core.predictions import Predictions

PAIR_COLUMNS = (
    "a", "b", "difference", "low", "high", "p", "p_adjusted", "real", "networks_differ", "covers", "standard_error",
    "degrees_of_freedom", "num_seeds_a", "num_seeds_b", "detectable", "further_seeds", "worth_settling",
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """Variants compared in one metric on the same images.

    Attributes:
        metric: its name.
        baseline: the variant that the others are held against, or None.
        num_images: N, shared by all runs.
        variants: one row a variant, best mean first: variant, runs, mean, median, standard_deviation (between seeds),
            low, high (95 % interval of the mean), min, max (over runs), covers ("images" or "images and seeds": what
            varies within the interval), rank, rank_to (core.evaluation.ranking). Values in the metric's own unit
            (shares in [0, 1], figures).
        pairs: one row for every two variants; b is the baseline where it takes part, else the one with the worse mean:
            a, b, difference (mean of a - mean of b), low, high (95 % interval of this pair by itself), p, p_adjusted
            (Holm over all rows), real, networks_differ (never both), covers, standard_error, degrees_of_freedom,
            num_seeds_a, num_seeds_b, detectable (smallest true difference found with 80 % power at the level that Holm
            may ask for), further_seeds (of each, to settle worth_settling; 0, inf: none would do, NaN: unknown),
            worth_settling.
        sentences: the pairs with the baseline, or without one those with the best mean; ranks; what could be detected;
            what was left out.
    """

    metric: str
    baseline: str | None
    num_images: int
    variants: pd.DataFrame
    pairs: pd.DataFrame
    sentences: tuple[str, ...]

    def to_json(self, costs: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
        """Return what `petridish compare --json` prints, as plain values; an undefined number is None.

        Args:
            costs: variant -> best_epoch, seconds, parameters; None where it is missing.
        """
        known = costs or {}
        variants = [
            {
                "variant": row["variant"],
                "runs": int(row["runs"]),
                **{key: _number(row[key]) for key in ("mean", "low", "high")},
                **{
                    key: known.get(row["variant"], {}).get(key)
                    for key in ("best_epoch", "seconds", "parameters")
                },
            }
            for row in self.variants.to_dict("records")
        ]
        numbers = ("difference", "low", "high", "p", "p_adjusted")
        pairs = [
            {
                "a": row["a"],
                "b": row["b"],
                **{key: _number(row[key]) for key in numbers},
                "real": bool(row["real"]),
            }
            for row in self.pairs.to_dict("records")
        ]
        return {
            "metric": self.metric,
            "baseline": self.baseline,
            "variants": variants,
            "pairs": pairs,
            "sentences": list(self.sentences),
        }


def comparison(
    predictions: Mapping[str, Sequence[Predictions | None]],
    metric: str = "accuracy",
    baseline: str | None = None,
    *,
    worth_settling: float | None = None,
    seed: int = 0,
    resampled: Mapping[str, Sequence[Resampled | None]] | None = None,
) -> Comparison:
    """Compare variants on the images that all their runs share.

    Args:
        predictions: variant -> predictions of its runs on one split, a run a seed; None where a run has none.
        metric: "accuracy", "macro_f1", "auc" or "rmse" (of the counts; less is better).
        baseline: the variant to hold the others against.
        worth_settling: true difference for which further seeds are counted, in the metric's own unit, above 0; by
            default one point (rmse: 0.05 figures).
        seed: of the resampling of images: equal seeds give equal numbers.
        resampled: variant -> what `core.evaluation.scores.resample` gave of each of its runs with this seed, for metrics
            that take resampling; it is done here where something is missing.

    Raises:
        UnknownName: there is no such metric or baseline.
        InvalidParameter: nothing can be compared, or the runs saw different data (core.evaluation.alignment);
            worth_settling is not above 0.
    """
    chosen = metric_of(metric)
    worth = chosen.worth_settling if worth_settling is None else worth_settling
    if not worth > 0:
        raise InvalidParameter(f"worth_settling must be above 0; got {worth!r}.")
    if baseline is not None and baseline not in predictions:
        raise UnknownName("variant", baseline, predictions)
    found = aligned(predictions, with_counts=metric == "rmse")
    if takes_resampling(chosen):
        drawn, undefined = _defined(_drawn(found, chosen, resampled or {}, seed), chosen)
        numbers = {variant: len(runs) for variant, runs in drawn.items()}
        measured = resampled_scores(chosen, [run for runs in drawn.values() for run in runs], seed)
    else:
        undefined = []
        numbers = {variant: len(runs) for variant, runs in found.variants.items()}
        right = [run.is_right for runs in found.variants.values() for run in runs]
        measured = accuracy_scores(np.array(right), seed)
    names = list(numbers)
    ends = np.cumsum(list(numbers.values()))
    runs_of = {
        name: list(range(end - numbers[name], end))
        for name, end in zip(numbers, ends.tolist(), strict=True)
    }
    present = baseline if baseline in numbers else None
    means = {name: float(measured.values[runs].mean()) for name, runs in runs_of.items()}
    names.sort(key=lambda name: -means[name] if chosen.is_higher_better else means[name])
    pairs = _pairs(measured, runs_of, names, present, worth)
    table = _variants(measured, runs_of, names, pairs)
    left_out = (*found.left_out, *undefined)
    sentences = _sentences(chosen, present, found.num_images, table, pairs)
    return Comparison(metric, present, found.num_images, table, pairs, (*sentences, *left_out))


def _drawn(
    found: Aligned,
    metric: Metric,
    known: Mapping[str, Sequence[Resampled | None]],
    seed: int,
) -> dict[str, list[Resampled]]:
    """Return what resampling gives of each run: as it is known, or worked out where anything is missing."""
    given = {
        variant: [known[variant][place] for place in places] if variant in known else [None]
        for variant, places in found.places.items()
    }
    if all(
        one is not None and one.num_images == found.num_images
        for some in given.values()
        for one in some
    ):
        return {variant: [one for one in some if one] for variant, some in given.items()}
    drawn = iter(resample(metric, [run for runs in found.variants.values() for run in runs], seed))
    return {variant: [next(drawn) for _ in runs] for variant, runs in found.variants.items()}


def _defined(
    variants: Mapping[str, Sequence[Resampled]], metric: Metric
) -> tuple[dict[str, Sequence[Resampled]], list[str]]:
    """Leave out runs whose metric is undefined, such as an RMSE of counts that are not finite."""
    kept, left_out = {}, []
    for variant, runs in variants.items():
        good = [run for run in runs if not math.isnan(run.value)]
        if len(good) < len(runs):
            left_out.append(
                f"{variant}: {len(runs) - len(good)} of {len(runs)} runs left out: {metric.label} is undefined."
            )
        if good:
            kept[variant] = good
    if not kept:
        raise InvalidParameter(
            f"{metric.label} is undefined for every run on these images. Choose another metric."
        )
    return kept, left_out


def _pairs(
    measured: Scores,
    runs_of: Mapping[str, list[int]],
    names: Sequence[str],
    baseline: str | None,
    worth: float,
) -> pd.DataFrame:
    couples = [(b, a) if a == baseline else (a, b) for a, b in combinations(names, 2)]
    estimates = [difference_estimate(measured, runs_of[a], runs_of[b]) for a, b in couples]
    rows = [
        {"a": a, "b": b, **_pair_numbers(one, len(couples), worth)}
        for (a, b), one in zip(couples, estimates, strict=True)
    ]
    table = pd.DataFrame(rows, columns=list(PAIR_COLUMNS))
    table["p_adjusted"] = holm(table["p"].to_numpy(dtype=np.float64))
    is_significant = table["p_adjusted"] < 1 - LEVEL
    has_seeds = table["covers"] == "images and seeds"
    table["real"] = is_significant & has_seeds
    table["networks_differ"] = is_significant & ~has_seeds
    return table


def _pair_numbers(one: Estimate, num_pairs: int, worth: float) -> dict[str, Any]:
    return {
        "difference": one.value,
        "low": one.low,
        "high": one.high,
        "p": one.p,
        "covers": one.covers,
        "standard_error": one.standard_error,
        "degrees_of_freedom": one.degrees_of_freedom,
        "num_seeds_a": one.num_seeds[0],
        "num_seeds_b": one.num_seeds[1],
        "detectable": detectable_difference(one, num_pairs=num_pairs),
        "further_seeds": further_seeds(one, worth, num_pairs=num_pairs),
        "worth_settling": worth,
    }


def _variants(
    measured: Scores,
    runs_of: Mapping[str, list[int]],
    names: Sequence[str],
    pairs: pd.DataFrame,
) -> pd.DataFrame:
    estimates = [mean_estimate(measured, runs_of[name]) for name in names]
    table = seed_summary({name: measured.values[runs_of[name]] for name in names})
    table = table.drop(columns="standard_error")
    table["low"] = [one.low for one in estimates]
    table["high"] = [one.high for one in estimates]
    table["covers"] = [one.covers for one in estimates]
    real = pairs[pairs["real"]]
    is_better = (real["difference"] > 0) == measured.metric.is_higher_better
    better = [
        (a, b) if a_wins else (b, a)
        for a, b, a_wins in zip(real["a"], real["b"], is_better, strict=True)
    ]
    return table.merge(ranking(names, better), on="variant", validate="one_to_one")


def _sentences(
    metric: Metric,
    baseline: str | None,
    num_images: int,
    variants: pd.DataFrame,
    pairs: pd.DataFrame,
) -> list[str]:
    if pairs.empty:
        return []
    reference = baseline or variants["variant"].iloc[0]
    told = pairs[(pairs["a"] == reference) | (pairs["b"] == reference)]
    sentences = [
        pair_sentence(
            {str(key): value for key, value in row.items()}, metric, len(pairs), num_images
        )
        for row in told.to_dict("records")
    ]
    with_seeds = pairs[pairs["covers"] == "images and seeds"]
    known = with_seeds[with_seeds["detectable"].notna()]
    if known.empty:
        return sentences
    # Nothing is ever real of a variant with fewer seeds: naming it among the best would say too much.
    ranked = variants[variants["variant"].isin([*known["a"], *known["b"]])]
    ranks = list(zip(ranked["variant"], ranked["rank"], ranked["rank_to"], strict=True))
    unjudged = variants.loc[variants["runs"] < FEWEST_SEEDS, "variant"].tolist()
    num_seeds = [*known["num_seeds_a"], *known["num_seeds_b"]]
    return [
        *sentences,
        ranking_sentence(ranks, unjudged),
        detectable_sentence(known["detectable"].tolist(), metric, num_images, num_seeds),
    ]


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
