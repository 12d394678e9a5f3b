"""EarlyStopping: which epoch is the best so far, and whether to go on; a value that is replaced, never changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


def score(history: Mapping[str, float], metric: str) -> float:
    """Return what is to be as large as possible: the accuracy of a history row, or its loss with the sign changed."""
    value = history[metric]
    return -value if metric.endswith("_loss") else value


@dataclass(frozen=True)
class EarlyStopping:
    """The course of the watched score so far.

    Attributes:
        best_score: largest score so far, or None before the first epoch.
        best_epoch: epoch that reached it first, or None before the first epoch.
        gain_score: score of the last epoch that counted as a gain.
        epochs_without_gain: epochs since then.
    """

    best_score: float | None = None
    best_epoch: int | None = None
    gain_score: float | None = None
    epochs_without_gain: int = 0

    def updated(self, epoch: int, score: float, min_gain: float = 0.0) -> Self:
        """Return the state after one more epoch.

        Only a strictly larger score is the best, and only one that is larger by at least `min_gain` than the last gain
        starts the patience anew; NaN is neither.
        """
        if self.best_score is None or self.gain_score is None:
            return type(self)(score, epoch, score, 0)
        # A first epoch that gave NaN holds no record: every number is larger.
        is_best = score > self.best_score or (score == score and self.best_score != self.best_score)
        gain = score - self.gain_score
        is_gain = is_best and (gain != gain or (gain > 0 and gain >= min_gain))
        return type(self)(
            score if is_best else self.best_score,
            epoch if is_best else self.best_epoch,
            score if is_gain else self.gain_score,
            0 if is_gain else self.epochs_without_gain + 1,
        )

    def is_exhausted(self, patience: int) -> bool:
        """Say whether training should stop: `patience` epochs without a gain; 0 never stops."""
        return patience > 0 and self.epochs_without_gain >= patience
