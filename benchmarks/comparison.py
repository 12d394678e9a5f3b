"""What a comparison costs, and how often it is wrong: `python benchmarks/comparison.py [errors [REPETITIONS]]`.

Without an argument: CPU seconds, one process of one thread, medians of five with the least and the most. The accuracy
intervals of 21 pairs of 10,500 images with 10,000 resamples (goal: 3 CPU s) beside the reference way,
scipy.stats.bootstrap over the rows of the same pairs (two of the 21 are done, interleaved, and the ratio is one
pair's); macro F1, AUC and the accuracy of many variants; the mean curves of 50 variants x 5 seeds x 200 epochs.

With "errors": simulated trainings, how often the 95 % interval covers the true difference and how often something is
said of two variants between which there is none. Each image has a difficulty that all networks share, one that a
variant's networks share, and one of each network by itself; each network has an effect of its seed on all images. Two
seeds of one variant disagree on whether they are right on 5 to 6 % of the images at 90 % accuracy, as trained networks
do. Also read by the tests.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# Read by the numerical libraries when they are first imported.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"
# The checkout's own modules, wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from scipy.special import ndtr, ndtri  # noqa: E402

from core.evaluation.comparison import comparison  # noqa: E402
from core.evaluation.intervals import difference_estimate  # noqa: E402
from core.evaluation.paired import bootstrap_accuracy  # noqa: E402
from core.evaluation.scores import accuracy_scores  # noqa: E402
from core.evaluation.seed_curves import seed_curves  # noqa: E402
from core.labels import LabelSpace  # noqa: E402
from core.predictions import Predictions  # noqa: E402

NUM_REPEATS = 5


@dataclass(frozen=True)
class World:
    """How simulated networks answer.

    Attributes:
        num_images: of the test set, drawn anew each time.
        seed_std: standard deviation of the accuracy that a seed gives on all images, in [0, 1].
        own_share: share of the variance of difficulty that each variant has for itself; 0: both variants are the same.
        accuracies: of the two variants, over all images and seeds.
        network_share: share of the variance that each network has for itself.
    """

    num_images: int
    seed_std: float
    own_share: float = 0.08
    accuracies: tuple[float, float] = (0.9, 0.9)
    network_share: float = 0.08

    def draw(
        self, num_seeds: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Return (2 S, N) whether each network is right, and the (2 S,) true accuracies of these very networks."""
        shared = np.float32(np.sqrt(1 - self.own_share - self.network_share))
        shape = (num_seeds, self.num_images)
        difficulty = rng.standard_normal(self.num_images, dtype=np.float32) * shared
        right, truths = [], []
        for share in self.accuracies:
            quantile = ndtri(share)
            density = np.exp(-(quantile**2) / 2) / np.sqrt(2 * np.pi)
            kappa = self.seed_std / density
            effect = quantile * np.sqrt(1 + kappa**2) + kappa * rng.standard_normal(num_seeds)
            own = rng.standard_normal(self.num_images, dtype=np.float32)
            noise = rng.standard_normal(shape, dtype=np.float32)
            latent = difficulty + own * np.float32(np.sqrt(self.own_share))
            latent = latent + noise * np.float32(np.sqrt(self.network_share))
            right.append(latent + effect.astype(np.float32)[:, None] > 0)
            truths.append(ndtr(effect))
        return np.concatenate(right), np.concatenate(truths)


def errors(world: World, num_seeds: int, repetitions: int, seed: int = 0) -> dict[str, float]:
    """Return how often the interval covers the variants' and the networks' true difference, and what is said.

    Keys, shares of the repetitions in [0, 1]: covers_variants, covers_networks, real, networks_differ.
    """
    rng = np.random.default_rng(seed)
    first, second = list(range(num_seeds)), list(range(num_seeds, 2 * num_seeds))
    true_difference = world.accuracies[0] - world.accuracies[1]
    counted = dict.fromkeys(("covers_variants", "covers_networks", "real", "networks_differ"), 0)
    for repetition in range(repetitions):
        right, truths = world.draw(num_seeds, rng)
        found = difference_estimate(accuracy_scores(right, repetition), first, second)
        of_networks = truths[first].mean() - truths[second].mean()
        speaks_of_variants = found.covers == "images and seeds"
        counted["covers_variants"] += bool(found.low <= true_difference <= found.high)
        counted["covers_networks"] += bool(found.low <= of_networks <= found.high)
        # One pair: Holm changes nothing.
        counted["real"] += speaks_of_variants and found.p < 0.05
        counted["networks_differ"] += not speaks_of_variants and found.p < 0.05
    return {name: number / repetitions for name, number in counted.items()}


def print_errors(repetitions: int) -> None:
    print(f"{repetitions:,} repetitions a line; binomial standard error of a 5 % share: "
          f"{np.sqrt(0.05 * 0.95 / repetitions):.2%}")  # fmt: skip
    print(
        "images  seed std  variants   seeds  covers the variants'  these networks'  'real'  'differ'"
    )
    for num_images in (1_000, 10_500):
        for seed_std in (0.002, 0.004, 0.006):
            for own_share, kind in ((0.0, "the same"), (0.08, "equal")):
                for num_seeds in (1, 3, 5, 10):
                    world = World(num_images, seed_std, own_share)
                    one = errors(world, num_seeds, repetitions)
                    print(
                        f"{num_images:>6,} {seed_std:9.1%}  {kind:<9} {num_seeds:>6} {one['covers_variants']:>21.1%} "
                        f"{one['covers_networks']:>16.1%} {one['real']:>7.1%} {one['networks_differ']:>9.1%}",
                        flush=True,
                    )


def drawn(num_variants: int, num_seeds: int, num_images: int = 10_500) -> dict:
    rng = np.random.default_rng(0)
    space = LabelSpace(tuple(map(str, range(10))))
    labels = rng.integers(0, 10, num_images)
    difficulty = 1.5 * rng.standard_normal(num_images)
    found: dict[str, list[Predictions]] = {}
    for variant in range(num_variants):
        for _ in range(num_seeds):
            logits = rng.standard_normal((num_images, 10))
            logits[np.arange(num_images), labels] += 3.2 + difficulty + 0.05 * variant
            run = Predictions(space, np.arange(num_images), labels, logits.astype(np.float32))
            _ = run.probabilities, run.is_right  # cached in it, as after the first table of a page
            found.setdefault(f"variant {variant}", []).append(run)
    return found


def histories(num_variants: int, num_seeds: int, num_epochs: int) -> tuple[dict, dict]:
    rng = np.random.default_rng(0)
    rows, variants = {}, {}
    for variant in range(num_variants):
        for seed in range(num_seeds):
            run = f"{variant}-{seed}"
            variants[run] = f"variant {variant}"
            rows[run] = [
                {"epoch": epoch, "step": 100 * epoch, "epoch_seconds": 1.5}
                | {
                    f"{split}_loss": float(rng.random())
                    for split in ("train", "train_eval", "validation")
                }
                for epoch in range(1, num_epochs + 1)
            ]
    return rows, variants


def seconds_of(task: Callable[[], object]) -> float:
    begun = time.process_time()
    task()
    return time.process_time() - begun


def said(name: str, values: list[float], unit: str = "CPU s") -> None:
    print(
        f"{name:<66} {statistics.median(values):8.3f} {unit}  ({min(values):.3f} to {max(values):.3f})"
    )


def print_speed() -> None:
    seven = drawn(7, 1)
    said(
        "accuracy, 7 single runs, 21 pairs, 10,000 resamples",
        [seconds_of(lambda: comparison(seven)) for _ in range(NUM_REPEATS)],
    )
    from scipy.stats import bootstrap

    right = [runs[0].is_right for runs in seven.values()]
    ours, ratios = [], []
    for one in (1, 2):
        difference = right[0].astype(float) - right[one]
        reference = seconds_of(
            lambda difference=difference: bootstrap(
                (difference,), np.mean, n_resamples=10_000, method="percentile", batch=100, rng=0
            )
        )
        ours = [
            seconds_of(
                lambda one=one: bootstrap_accuracy(
                    right[0][None], right[one][None], 10_000, np.random.default_rng(0)
                )
            )
            for _ in range(NUM_REPEATS)
        ]
        ratios.append(reference / statistics.median(ours))
    said("one of these pairs", ours)
    said("scipy.stats.bootstrap over its rows takes", ratios, "times as long")
    for metric in ("macro_f1", "auc"):
        for num_seeds in (1, 5):
            runs = drawn(7, num_seeds)
            said(
                f"{metric}, 7 variants x {num_seeds} seeds, 1,000 resamples",
                [
                    seconds_of(lambda runs=runs, metric=metric: comparison(runs, metric))
                    for _ in range(3)
                ],
            )
    fifty = drawn(50, 5)
    said(
        "accuracy, 50 variants x 5 seeds, 1,225 pairs",
        [seconds_of(lambda: comparison(fifty)) for _ in range(NUM_REPEATS)],
    )
    rows, variants = histories(50, 5, 200)
    said(
        "mean curves of one metric, 50 variants x 5 seeds x 200 epochs",
        [seconds_of(lambda: seed_curves(rows, variants, "loss")) for _ in range(NUM_REPEATS)],
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["errors"]:
        print_errors(int(sys.argv[2]) if len(sys.argv) > 2 else 2_000)
    else:
        print_speed()
