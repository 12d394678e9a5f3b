"""Predictions: what one network said of one split, and what is true. Every evaluation starts from it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.exceptions import InvalidParameter
from core.labels import LabelSpace

NO_PREDICTION = -1
"""Predicted "class" of a sample whose logits are not all finite: no class, so it is never right."""


@dataclass(frozen=True)
class Predictions:
    """Outputs and truth of N samples over K classes and, with a count head, T counts.

    Attributes:
        space: names of the classes and counts.
        sample_ids: (N,) int64, position of each sample in its split as stored.
        labels: (N,) int64, true class in [0, K).
        logits: (N, K) float32; a value that was not finite in training is not finite here, and
            a row with one has no prediction and counts as wrong.
        count_labels: (N, T) float32 true counts, or None.
        counts: (N, T) float32 predicted counts, or None without a trained count head.

    Raises:
        InvalidParameter: the arrays' shapes disagree, or a label lies outside [0, K).
    """

    space: LabelSpace
    sample_ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    logits: NDArray[np.float32]
    count_labels: NDArray[np.float32] | None = None
    counts: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        num_samples = len(self.labels)
        if self.logits.shape != (num_samples, self.space.num_classes):
            raise InvalidParameter(
                f"logits must have shape {(num_samples, self.space.num_classes)}; got {self.logits.shape}."
            )
        if len(self.sample_ids) != num_samples:
            raise InvalidParameter(
                f"sample_ids must have {num_samples} entries; got {len(self.sample_ids)}."
            )
        # np.bincount would count an unknown class into another one's cell without a word.
        if num_samples and not 0 <= self.labels.min() <= self.labels.max() < self.space.num_classes:
            raise InvalidParameter(
                f"labels must lie in [0, {self.space.num_classes}); "
                f"got {self.labels.min()} to {self.labels.max()}."
            )
        for name, counts in (("count_labels", self.count_labels), ("counts", self.counts)):
            if counts is not None and counts.shape != (num_samples, self.space.num_counts):
                raise InvalidParameter(
                    f"{name} must have shape {(num_samples, self.space.num_counts)}; "
                    f"got {counts.shape}."
                )

    def __len__(self) -> int:
        """N."""
        return len(self.labels)

    @cached_property
    def has_prediction(self) -> NDArray[np.bool_]:
        """(N,) whether all logits of the sample are finite."""
        return np.asarray(np.isfinite(self.logits).all(axis=1))

    @cached_property
    def log_probabilities(self) -> NDArray[np.float64]:
        """(N, K) natural logarithms of the softmax; NaN in the rows without a prediction."""
        logits = self.logits.astype(np.float64)
        logits[~self.has_prediction] = np.nan
        shifted = logits - logits.max(axis=1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """(N, K) softmax of the logits, in [0, 1]; NaN in the rows without a prediction."""
        return np.exp(self.log_probabilities)

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """(N,) class of the largest logit, the first of equals; NO_PREDICTION without one."""
        return np.where(self.has_prediction, self.logits.argmax(axis=1), NO_PREDICTION)

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """(N,) largest probability, in [0, 1]; NaN without a prediction."""
        return self.probabilities.max(axis=1)

    @cached_property
    def is_right(self) -> NDArray[np.bool_]:
        """(N,) whether the predicted class is the true one; never without a prediction."""
        return self.predicted == self.labels
