"""How the Fashion study trained: what benchmarks time ours against, and what tests/test_training_reference.py equals.

A `DataLoader` over a `TensorDataset` of float images, contiguous, pooling after ReLU, `torch.optim.Adam` at its
defaults, which are not fused, and two `.item()` a step. Left out are the study's faults that would change the
mathematics: pixels lie in [0, 1] here, as ours do. Not on our path: nothing in core imports it.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

BATCH_SIZE = 256
SIDE, NUM_CLASSES = 32, 10


def dense_base() -> nn.Sequential:
    return nn.Sequential(
        nn.Flatten(),
        *(nn.Linear(SIDE * SIDE, 512), nn.ReLU()),
        *(nn.Linear(512, 128), nn.ReLU()),
        *(nn.Linear(128, 128), nn.ReLU()),
        *(nn.Linear(128, 128), nn.ReLU()),
        nn.Linear(128, NUM_CLASSES),
    )


def conv_base() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),  # (B, 32, 15, 15)
        *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),  # (B, 64, 6, 6)
        *(nn.Flatten(), nn.Linear(64 * 6 * 6, 64), nn.ReLU()),
        nn.Linear(64, NUM_CLASSES),
    )


def conv_batch_norm() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 3), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(64 * 6 * 6, 64), nn.ReLU()),
        nn.Linear(64, NUM_CLASSES),
    )


NETWORKS: dict[str, Callable[[], nn.Sequential]] = {
    "dense-base": dense_base,
    "conv-base": conv_base,
    "conv-batch-norm": conv_batch_norm,
}
"""The study's networks by the names of our variants."""


def with_weights_of(reference: nn.Module, ours: nn.Module) -> nn.Module:
    """Return the reference network with a copy of our weights: both list them in the order of the layers."""
    with torch.no_grad():
        for copy, value in zip(reference.parameters(), ours.parameters(), strict=True):
            copy.copy_(value)
    return reference.train()


def loader(
    images: Tensor, labels: Tensor, is_shuffled: bool = False, batch_size: int = BATCH_SIZE
) -> DataLoader:
    """Return batches of float images (N, 1, 32, 32) in [0, 1] and their labels."""
    return DataLoader(TensorDataset(images, labels), batch_size=batch_size, shuffle=is_shuffled)


def trained(
    network: nn.Module, rule: torch.optim.Optimizer, batches: Iterable[tuple[Tensor, Tensor]]
) -> list[float]:
    """Take a step for each batch; return the losses."""
    losses, num_right = [], 0
    for images, labels in batches:
        rule.zero_grad()
        logits = network(images)
        loss = functional.cross_entropy(logits, labels)
        loss.backward()
        rule.step()
        losses.append(loss.item())
        num_right += (logits.argmax(dim=1) == labels).sum().item()
    return losses
