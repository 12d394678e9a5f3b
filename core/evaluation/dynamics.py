"""Training dynamics: what a run said of each image's true class, epoch by epoch.

Separate because both what was learned and forgotten (`forgetting`) and where an image lies on the data map (`data_map`) are
read from it. It leaves out where the outputs of an epoch are stored.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from core.predictions import Predictions


@dataclass(frozen=True, eq=False)
class Dynamics:
    """What one run said of N samples after each of E epochs.

    Attributes:
        space: classes.
        epochs: (E,) int64, rising.
        sample_ids: (N,) int64.
        labels: (N,) int64, true classes.
        probabilities: (E, N) float32 in [0, 1], of the true class; NaN without a prediction.
        predicted: (E, N) int16, predicted class; NO_PREDICTION without one.
    """

    space: LabelSpace
    epochs: NDArray[np.int64]
    sample_ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    predicted: NDArray[np.int16]

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """(E, N) whether the predicted class was the true one."""
        return self.predicted == self.labels

    @property
    def num_bytes(self) -> int:
        """Memory that its arrays take."""
        arrays = (self.epochs, self.sample_ids, self.labels, self.probabilities, self.predicted)
        return sum(one.nbytes for one in arrays)


def dynamics(epochs: Iterable[tuple[int, Predictions]]) -> Dynamics:
    """Gather the outputs of a run's epochs; only those of one epoch are in memory at a time.

    Args:
        epochs: number of the epoch and its outputs, rising, at least one; all of the same samples.

    Raises:
        InvalidParameter: there is none, or two epochs are not about the same samples.
    """
    numbers, probabilities, predicted = [], [], []
    first: Predictions | None = None
    for epoch, outputs in epochs:
        first = first or outputs
        if not np.array_equal(outputs.sample_ids, first.sample_ids):
            raise InvalidParameter(
                f"Epoch {epoch} is about other samples than epoch {numbers[0]}: they cannot be followed."
            )
        rows = np.arange(len(outputs))
        numbers.append(epoch)
        probabilities.append(
            np.exp(outputs.log_probabilities[rows, outputs.labels]).astype(np.float32)
        )
        predicted.append(outputs.predicted.astype(np.int16))
    if first is None:
        raise InvalidParameter("Training dynamics need at least one epoch; got none.")
    return Dynamics(
        first.space,
        np.array(numbers, dtype=np.int64),
        first.sample_ids,
        first.labels,
        np.stack(probabilities),
        np.stack(predicted),
    )
