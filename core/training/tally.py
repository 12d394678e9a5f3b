"""Loss: what is minimised; BatchTally: its values over an epoch, kept on the device and read once, at the epoch's end.

Reading them batch by batch would make the CPU wait for the device each time. What is computed from stored outputs is
metrics.py.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from core.models.base import Outputs


@dataclass(frozen=True)
class Loss:
    """What the weights are fitted to: cross entropy plus weighted smooth L1 of the counts.

    Attributes:
        class_weight: weight of the cross entropy; 0 leaves the classes out.
        count_weight: weight of the count loss; 0 leaves the counts out.
        label_smoothing: share of each label that is spread over all classes, in [0, 1).
            Source: Szegedy et al. 2016, "Rethinking the Inception Architecture", section 7.
        class_weights: (K,) weight of each class in the cross entropy, or None.
    """

    class_weight: float = 1.0
    count_weight: float = 0.0
    label_smoothing: float = 0.0
    class_weights: Tensor | None = None


def balanced_class_weights(labels: Tensor, num_classes: int) -> Tensor:
    """Return (K,) float32 weights that give each class of a split the same sum; 1 for a class that it does not have."""
    counts = torch.bincount(labels, minlength=num_classes).to(torch.float32)
    num_present = (counts > 0).sum()
    return torch.where(counts > 0, len(labels) / (num_present * counts.clamp(min=1)), 1.0)


class BatchTally:
    """Losses, hits and errors of the batches of one epoch, as the network was when each batch passed.

    Args:
        loss: what is minimised.
        num_batches: of the epoch.
        device: where the batches are.
    """

    def __init__(self, loss: Loss, num_batches: int, device: torch.device) -> None:
        self._loss = loss
        self._num_batches, self._device = num_batches, device
        self._noted: dict[str, Tensor] = {}
        self._sizes: list[int] = []
        self._num_norms = 0

    def add(self, outputs: Outputs, labels: Tensor, counts: Tensor | None) -> Tensor:
        """Return the loss of a batch, ready for `backward`.

        Args:
            outputs: of the network.
            labels: (B,) int64, or (B, K) shares of classes; an image counts as right where the class of its largest share
                is predicted.
            counts: (B, T), or None.
        """
        wanted = self._loss
        class_loss = functional.cross_entropy(
            outputs.logits,
            labels,
            weight=wanted.class_weights,
            label_smoothing=wanted.label_smoothing,
        )
        is_right = outputs.logits.detach().argmax(dim=1) == (
            labels.argmax(dim=1) if labels.ndim == 2 else labels
        )
        row = {"train_accuracy": is_right.float().mean()}
        loss = class_loss if wanted.class_weight == 1 else wanted.class_weight * class_loss
        if wanted.count_weight > 0 and outputs.counts is not None and counts is not None:
            count_loss = functional.smooth_l1_loss(outputs.counts, counts)
            errors = (outputs.counts - counts).detach()  # (B, T)
            row["train_class_loss"] = class_loss
            row["train_count_loss"] = count_loss
            row["train_count_rmse"] = errors.square().mean()
            row["train_count_mae"] = errors.abs().mean()
            weighted = wanted.count_weight * count_loss
            loss = weighted if wanted.class_weight == 0 else loss + weighted
        for name, value in {"train_loss": loss, **row}.items():
            self._note(name, value)
        self._sizes.append(len(labels))
        return loss

    def add_gradient_norm(self, norm: Tensor) -> None:
        """Note the norm of a batch's gradient over all parameters, before it is clipped; not every batch has to be noted."""
        self._note("gradient_norm", norm, self._num_norms)
        self._num_norms += 1

    def _note(self, name: str, value: Tensor, batch: int | None = None) -> None:
        # Into one block made at the epoch's start. A small tensor kept for each batch splits the heap between the large
        # ones that come and go: a conv net with batch norm grew to 6 GB so, instead of 0.5 (glibc, torch 2.13).
        if name not in self._noted:
            self._noted[name] = torch.zeros(self._num_batches, device=self._device)
        self._noted[name][len(self._sizes) if batch is None else batch] = value.detach()

    def first_bad_batch(self) -> int | None:
        """Return the number, from 1, of the first batch whose loss was not finite, or None. Waits for the device."""
        bad = (~torch.isfinite(self._noted["train_loss"])).nonzero().flatten().tolist()
        return bad[0] + 1 if bad else None

    def metrics(self) -> dict[str, float]:
        """Return means over the epoch's samples: train_loss, train_accuracy and, with counts, the four of split_metrics.

        With counts also count_loss_share, the share of the loss that the counts have, in [0, 1]; and gradient_norm, the
        mean of the norms that were noted.
        """
        sizes = torch.tensor(self._sizes, dtype=torch.float64)
        noted = {name: one.cpu().double() for name, one in self._noted.items()}
        norms = noted.pop("gradient_norm", None)
        means = {
            name: float(values[: len(sizes)] @ sizes / sizes.sum())
            for name, values in noted.items()
        }
        if "train_count_rmse" in means:
            means["train_count_rmse"] **= 0.5
            weighted = self._loss.count_weight * means["train_count_loss"]
            total = means["train_loss"]
            means["count_loss_share"] = weighted / total if total else float("nan")
        if norms is not None:
            means["gradient_norm"] = float(norms[: self._num_norms].mean())
        return means
