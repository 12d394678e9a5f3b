"""Our step is the Fashion study's mathematics: equal losses from equal weights on equal batches.

Fused Adam, channels last, pooling before ReLU and slices of uint8 change the order of additions, hence the last bits,
and nothing else.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from core.augmentations.pipeline import AugmentationPipeline
from core.config import TrainingConfig
from core.labels import LabelSpace
from core.models.forward import build_network, to_input
from core.training.data import TensorSplit, epoch_order
from core.training.epoch import Material, fit_epoch, loss_of
from core.training.optimizers import optimizer
from core.training.resume import Fit, Position
from core.variants import VARIANTS

_PATH = Path(__file__).resolve().parent.parent / "benchmarks" / "fashion_study.py"
_SPEC = importlib.util.spec_from_file_location("fashion_study", _PATH)
study = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(study)

NUM_STEPS, BATCH_SIZE = 20, 64
TOLERANCE = {"dense-base": 1e-5, "conv-base": 1e-4, "conv-batch-norm": 1e-3}
"""Largest difference of a loss, in nats. float32 has 7 digits, and Adam divides a gradient by its own size: where the sum
of a gradient almost cancels out, its last bits decide the direction of a whole step, and batch norm makes most sums
almost cancel out. Measured: 2e-7, 1e-6 and 9e-5."""
SPACE = LabelSpace(tuple("0123456789"))


@pytest.fixture(scope="module")
def split():
    """Twenty batches of ten patterns of grey squares under noise, which a network learns within twenty steps."""
    torch.set_num_threads(1)
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 10, NUM_STEPS * BATCH_SIZE)
    patterns = generator.integers(0, 256, (10, 1, 4, 4)).repeat(8, axis=2).repeat(8, axis=3)
    noise = generator.integers(0, 256, (len(labels), 1, study.SIDE, study.SIDE))
    images = (0.7 * patterns[labels] + 0.3 * noise).astype(np.uint8)
    return TensorSplit(torch.from_numpy(images), torch.from_numpy(labels))


def our_losses(network, split, config):
    """Train one epoch as a run does; return the loss of each batch and what the history would say of them."""
    device = torch.device("cpu")
    material = Material(split, SPACE, AugmentationPipeline(), seed=0, tick_seconds=1e9)
    labels = iter(split.labels[epoch_order(0, 1, len(split))].split(BATCH_SIZE))
    losses = []
    network.register_forward_hook(
        lambda _network, _images, outputs: losses.append(
            functional.cross_entropy(outputs.logits.detach(), next(labels)).item()
        )
    )
    fit = Fit(network, optimizer(network, config, device), Position())
    epoch = fit_epoch(fit, material, config, loss_of(config, material, has_count_head=False))
    with pytest.raises(StopIteration) as end:
        next(epoch)
    return losses, end.value.value.metrics()["train_loss"]


def reference_losses(name, ours, split, learning_rate=1e-3):
    """Train the study's network from the same weights on the same batches."""
    network = study.with_weights_of(study.NETWORKS[name](), ours)
    order = epoch_order(0, 1, len(split))
    batches = study.loader(
        to_input(split.images[order]), split.labels[order], batch_size=BATCH_SIZE
    )
    return study.trained(network, torch.optim.Adam(network.parameters(), lr=learning_rate), batches)


@pytest.mark.parametrize("name", study.NETWORKS)
def test_twenty_steps_give_the_losses_of_the_studys_loop(name, split):
    network = build_network(VARIANTS[name].model, (1, 32, 32), SPACE, seed=0).train()
    expected = reference_losses(name, network, split)
    other = reference_losses(name, network, split, learning_rate=1.01e-3)
    losses, mean = our_losses(network, split, TrainingConfig(batch_size=BATCH_SIZE))
    assert len(losses) == NUM_STEPS
    assert losses[-1] < 0.6 * losses[0]
    assert np.abs(np.subtract(losses, expected)).max() < TOLERANCE[name]
    # A learning rate that is 1 % larger would not pass.
    assert np.abs(np.subtract(other, expected)).max() > 5 * TOLERANCE[name]
    assert mean == pytest.approx(np.mean(losses), rel=1e-6)
