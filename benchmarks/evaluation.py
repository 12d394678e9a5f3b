"""What judging predictions costs: `python benchmarks/evaluation.py`.

CPU seconds, one process of one thread, medians of five with the least and the most. First 1,000,000 predictions over ten
classes: probabilities, confusion matrix, report with intervals, ROC of all classes and both averages (at most 1,000 points
a curve; the largest gap between a drawn and the whole area is printed) and reliability (goal: 2 CPU s in all). Then 10,500
images x 50 runs: the scores of all from scratch, as the page Evaluate works them out once.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

# Read by the numerical libraries when they are first imported.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"
# The checkout's own modules, wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from core.evaluation.calibration import calibration, expected_calibration_error  # noqa: E402
from core.evaluation.confusion_matrix import confusion_matrix  # noqa: E402
from core.evaluation.one_vs_rest import OneVsRest, one_vs_rest  # noqa: E402
from core.evaluation.per_class import per_class, summary  # noqa: E402
from core.evaluation.roc import roc  # noqa: E402
from core.labels import LabelSpace  # noqa: E402
from core.predictions import Predictions  # noqa: E402

NUM_REPEATS = 5
NUM_CLASSES = 10
NUM_RUNS = 50


def drawn(num_samples: int, seed: int) -> Predictions:
    """Draw a network that is right on about nine of ten samples; float16 outputs, as stored ones are."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, NUM_CLASSES, num_samples)
    logits = rng.normal(size=(num_samples, NUM_CLASSES))
    logits[np.arange(num_samples), labels] += 3.2
    names = tuple(f"class {label}" for label in range(NUM_CLASSES))
    stored = logits.astype(np.float16).astype(np.float32)
    return Predictions(LabelSpace(names), np.arange(num_samples), labels, stored)


def again(predictions: Predictions) -> Predictions:
    """Return the same predictions without what was worked out of them."""
    return Predictions(
        predictions.space, predictions.sample_ids, predictions.labels, predictions.logits
    )


def curves(rankings: OneVsRest, predictions: Predictions) -> pd.DataFrame:
    return roc(rankings, predictions.space.class_names)


def judged(predictions: Predictions, parts: dict[str, list[float]]) -> pd.DataFrame:
    """Judge once, note the CPU seconds of each part, and return the curves."""

    def timed(name: str, work: Callable):
        start = time.process_time()
        made = work()
        parts.setdefault(name, []).append(time.process_time() - start)
        return made

    timed("probabilities", lambda: predictions.probabilities)
    timed("confusion", lambda: confusion_matrix(predictions))
    rankings = timed("rankings", lambda: one_vs_rest(predictions))
    timed("report", lambda: (per_class(predictions, rankings), summary(predictions, rankings)))
    table = timed("roc", lambda: curves(rankings, predictions))
    timed(
        "calibration",
        lambda: (calibration(predictions), expected_calibration_error(predictions)),
    )
    return table


def print_million() -> None:
    predictions = drawn(1_000_000, 0)
    parts: dict[str, list[float]] = {}
    table = judged(predictions, parts)
    for _ in range(NUM_REPEATS - 1):
        judged(again(predictions), parts)
    gaps = [
        abs(
            np.trapezoid(curve["true_positive_rate"], curve["false_positive_rate"])
            - curve["auc"].iloc[0]
        )
        for _, curve in table.groupby("class")
    ]
    points = table.groupby("class").size().max()
    print("1,000,000 predictions x 10 classes, CPU seconds")
    for name, seconds in parts.items():
        print_line(name, seconds)
    print_line("in all", [sum(one) for one in zip(*parts.values(), strict=True)])
    print(f"  at most {points} points a curve; largest gap of an area {max(gaps):.1e}")


def print_runs() -> None:
    runs = [drawn(10_500, seed) for seed in range(NUM_RUNS)]
    seconds = []
    for _ in range(NUM_REPEATS):
        start = time.process_time()
        for run in runs:
            judged(again(run), {})
        seconds.append(time.process_time() - start)
    print(f"10,500 images x {NUM_RUNS} runs, everything above, CPU seconds")
    print_line("in all", seconds)


def print_line(name: str, seconds: list[float]) -> None:
    print(
        f"  {name:<14} {statistics.median(seconds):6.3f}  ({min(seconds):.3f} to {max(seconds):.3f})"
    )


if __name__ == "__main__":
    print_million()
    print_runs()
