"""One epoch: its pictures, its order, its steps. What comes before and after an epoch is loop.py.

Within an epoch nothing waits for the device: losses stay tensors and are read once, at its end.
"""

import contextlib
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.augmentations.pictures import EpochPictures
from core.augmentations.pipeline import AugmentationPipeline
from core.config import TrainingConfig
from core.labels import LabelSpace
from core.models.forward import to_input
from core.training.data import TensorSplit, batch_bounds, epoch_order
from core.training.device import has_bfloat16
from core.training.optimizers import learning_rate
from core.training.resume import Fit
from core.training.tally import BatchTally, Loss, balanced_class_weights

GRADIENT_NORM_EVERY = 8
"""The first of so many batches has its gradient's norm in the history. Each takes 3 % of a dense base step, for it reads all
gradients once more (shared 2-core AMD EPYC, torch 2.13, one thread)."""


@dataclass(frozen=True)
class Progress:
    """A sign of life between two batches.

    Attributes:
        epoch: the current one, from 1.
        step: batches done in this epoch.
        steps: batches of an epoch.
        samples_per_second: since the epoch began.
        seconds: since the epoch began.
    """

    epoch: int
    step: int
    steps: int
    samples_per_second: float
    seconds: float


@dataclass(frozen=True)
class Material:
    """What the epochs of a run have in common.

    Attributes:
        split: training samples on the device.
        space: classes and counts, with the data set's rules.
        augmentation: what is done to the images.
        seed: of the run.
        tick_seconds: least time between two signs of life.
    """

    split: TensorSplit
    space: LabelSpace
    augmentation: AugmentationPipeline
    seed: int
    tick_seconds: float

    @property
    def num_rows(self) -> int:
        """Pictures of an epoch."""
        return len(self.split) * self.augmentation.num_copies

    def pictures(self, epoch: int) -> EpochPictures:
        """Return the pictures of an epoch."""
        split = self.split
        return EpochPictures(
            self.augmentation,
            split.images,
            split.labels,
            split.counts,
            self.space,
            self.seed,
            epoch,
        )


def loss_of(config: TrainingConfig, material: Material, has_count_head: bool) -> Loss:
    """Return what a stage minimises; counts are part of it only where network and data have them."""
    weights = None
    if config.class_weights == "balanced":
        weights = balanced_class_weights(material.split.labels, material.space.num_classes)
    return Loss(
        config.class_loss_weight,
        config.count_loss_weight if has_count_head else 0.0,
        config.label_smoothing,
        weights,
    )


def fit_epoch(
    fit: Fit, material: Material, config: TrainingConfig, loss: Loss
) -> Generator[Progress, None, BatchTally]:
    """Take the steps of the epoch after `fit.position` and return what its batches gave.

    Args:
        fit: its network, optimizer and moving average are changed, its position is not.
        material: what is fitted.
        config: of the stage.
        loss: what is minimised.
    """
    epoch = fit.position.epoch + 1
    pictures = material.pictures(epoch)
    # On the CPU, where what is drawn for the pictures lies.
    order = torch.from_numpy(epoch_order(material.seed, epoch, pictures.num_rows))
    bounds = batch_bounds(pictures.num_rows, config.batch_size)
    tally = BatchTally(loss, len(bounds), material.split.labels.device)
    parameters = list(fit.network.parameters())
    started = last_tick = time.perf_counter()
    for number, (start, stop) in enumerate(bounds):
        rate = learning_rate(config, fit.position.stage_step + number, len(bounds))
        for group in fit.rule.param_groups:
            group["lr"] = rate
        batch = pictures.batch(order[start:stop])
        with _computing(config, batch.images.device):
            value = tally.add(fit.network(to_input(batch.images)), batch.labels, batch.counts)
        fit.rule.zero_grad(set_to_none=True)
        value.backward()
        if config.gradient_clip > 0 or number % GRADIENT_NORM_EVERY == 0:
            norm = _clipped(parameters, config.gradient_clip)
            if number % GRADIENT_NORM_EVERY == 0:
                tally.add_gradient_norm(norm)
        fit.rule.step()
        if fit.average is not None:
            fit.average.update_parameters(fit.network)
        now = time.perf_counter()
        if now - last_tick >= material.tick_seconds:
            last_tick, seconds = now, now - started
            yield Progress(epoch, number + 1, len(bounds), stop / seconds, seconds)
    return tally


def _computing(
    config: TrainingConfig, device: torch.device
) -> contextlib.AbstractContextManager[object]:
    wanted = config.precision
    if wanted == "float32" or (wanted == "auto" and not has_bfloat16(device)):
        return contextlib.nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def _clipped(parameters: Sequence[nn.Parameter], largest_norm: float) -> Tensor:
    """Scale the gradients down to a norm, unless it is 0, and return the norm that they had."""
    norm = nn.utils.get_total_norm([one.grad for one in parameters if one.grad is not None])
    if largest_norm > 0:
        nn.utils.clip_grads_with_norm_(parameters, largest_norm, norm)
    return norm
