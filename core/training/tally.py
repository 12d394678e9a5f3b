"""BatchTally: the losses of an epoch's batches, kept on the device and read once, at the epoch's end.

Reading them batch by batch would make the CPU wait for the device each time. What is computed from stored outputs is
metrics.py.
"""

import torch
from torch import Tensor
from torch.nn import functional

from core.models.base import Outputs
from core.training.data import TensorSplit


class BatchTally:
    """Losses, hits and errors of the batches of one epoch, as the network was when each batch passed.

    Args:
        count_loss_weight: weight of the count loss in the loss; 0 leaves the counts out.
    """

    def __init__(self, count_loss_weight: float) -> None:
        self._count_loss_weight = count_loss_weight
        self._losses: list[Tensor] = []
        self._rows: dict[str, list[Tensor]] = {}
        self._sizes: list[int] = []

    def add(self, outputs: Outputs, batch: TensorSplit) -> Tensor:
        """Return the loss of a batch, ready for `backward`: cross entropy plus weighted smooth L1 of the counts."""
        loss = functional.cross_entropy(outputs.logits, batch.labels)
        hits = (outputs.logits.detach().argmax(dim=1) == batch.labels).float()
        row = {"accuracy": hits.mean()}
        if self._count_loss_weight > 0 and outputs.counts is not None and batch.counts is not None:
            count_loss = functional.smooth_l1_loss(outputs.counts, batch.counts)
            errors = (outputs.counts - batch.counts).detach()  # (B, T)
            row["class_loss"] = loss.detach()
            row["count_loss"] = count_loss.detach()
            row["count_rmse"] = errors.square().mean()
            row["count_mae"] = errors.abs().mean()
            loss = loss + self._count_loss_weight * count_loss
        self._losses.append(loss.detach())
        for name, value in row.items():
            self._rows.setdefault(name, []).append(value)
        self._sizes.append(len(batch))
        return loss

    def first_bad_batch(self) -> int | None:
        """Return the number, from 1, of the first batch whose loss was not finite, or None. Waits for the device."""
        bad = (~torch.isfinite(torch.stack(self._losses))).nonzero().flatten().tolist()
        return bad[0] + 1 if bad else None

    def metrics(self) -> dict[str, float]:
        """Return means over the epoch's samples: train_loss, train_accuracy and, with counts, the four of split_metrics."""
        sizes = torch.tensor(self._sizes, dtype=torch.float64)
        means = {
            f"train_{name}": float(torch.stack(values).cpu().double() @ sizes / sizes.sum())
            for name, values in {"loss": self._losses, **self._rows}.items()
        }
        if "train_count_rmse" in means:
            means["train_count_rmse"] **= 0.5
        return means
