"""EarlyStopping: which epoch is the best so far, and whether to go on; a value that is replaced, never changed."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class EarlyStopping:
    """The course of the watched value (validation accuracy) so far.

    Attributes:
        best_value: largest value so far, or None before the first epoch.
        best_epoch: epoch that reached it first, or None before the first epoch.
        epochs_without_gain: epochs since then.
    """

    best_value: float | None = None
    best_epoch: int | None = None
    epochs_without_gain: int = 0

    def updated(self, epoch: int, value: float) -> Self:
        """Return the state after one more epoch; only a strictly larger value is a gain, and NaN never is."""
        if self.best_value is None or value > self.best_value:
            return type(self)(value, epoch, 0)
        return type(self)(self.best_value, self.best_epoch, self.epochs_without_gain + 1)

    def is_exhausted(self, patience: int) -> bool:
        """Say whether training should stop: `patience` epochs without a gain; 0 never stops."""
        return patience > 0 and self.epochs_without_gain >= patience
