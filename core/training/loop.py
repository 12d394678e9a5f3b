"""train(): a generator of epochs, and final_outputs(): what the best weights say at the end.

Whoever iterates decides what to write, and may close the generator at any yield. Nothing here knows the run folder.
Within an epoch nothing waits for the device: losses stay tensors and are read once, at the epoch's end.
"""

import resource
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.config import TrainingConfig
from core.exceptions import TrainingFailed
from core.models.forward import predict, to_input
from core.training.data import TensorSplit, TrainingData, batch_bounds, epoch_order
from core.training.metrics import split_metrics
from core.training.optimizers import learning_rate, optimizer
from core.training.resume import Position, restore, seed_everything, to_state
from core.training.tally import BatchTally

EVALUATION_BATCH_SIZE = 512
"""Fixed, because the last bits of the outputs can depend on it."""

MEASURED_KEYS = frozenset({"epoch_seconds", "samples_per_second", "peak_memory"})
"""History keys that differ between two runs that are otherwise equal bit for bit."""

StopReason = Literal["patience", "max_epochs"]


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
class EpochResult:
    """An epoch's end. `weights` and `checkpoint()` are live: use them before the generator is advanced.

    Attributes:
        epoch: from 1.
        history: the row of runs.md section 2, without attempt and time; undefined values are NaN.
        outputs: split ("validation"; "train": the fixed slice) -> head ("class", "count") -> (N, D) float16.
        is_best: whether the validation accuracy is the largest so far.
        is_last: whether training ends here.
        stop_reason: why it ends, or None.
        weights: the network's state dict, each tensor in row-major order, as safetensors wants it.
        checkpoint: returns the state to resume from, see `core.training.resume.to_state`.
    """

    epoch: int
    history: dict[str, float | int]
    outputs: dict[str, dict[str, NDArray[np.float16]]]
    is_best: bool
    is_last: bool
    stop_reason: StopReason | None
    weights: dict[str, Tensor]
    checkpoint: Callable[[], dict[str, Any]]


def train(
    network: nn.Module,
    data: TrainingData,
    config: TrainingConfig,
    seed: int,
    device: torch.device,
    resume: Mapping[str, Any] | None = None,
    tick_seconds: float = 1.0,
) -> Iterator[Progress | EpochResult]:
    """Fit the weights; yield `Progress` at most each `tick_seconds` and an `EpochResult` at each epoch's end.

    Seeds the global generators of python, numpy and torch, or restores them. Two runs on the same device type, torch
    version and thread count are equal bit for bit, interrupted or not, as long as the caller draws nothing from those
    generators in between.

    Args:
        network: freshly built with the same seed; it is moved to the device and changed.
        data: what to fit and to watch.
        config: how.
        seed: of the run.
        device: where.
        resume: a state from `EpochResult.checkpoint()`; if training was over then, nothing is yielded.
        tick_seconds: least time between two signs of life; 0 gives one after every batch.

    Raises:
        TrainingFailed: "nan_loss", a batch's loss was not finite; "gpu_memory", a batch did not fit the device.
    """
    network.to(device).train()
    rule = optimizer(network, config, device)
    if resume is None:
        seed_everything(seed)
        position = Position()
    else:
        position = restore(resume, network, rule)
    fitted, validation = data.train.to(device), data.validation.to(device)
    train_slice = fitted.subset(data.train_slice_ids.to(device))
    num_steps = len(batch_bounds(len(fitted), config.batch_size))
    count_loss_weight = config.count_loss_weight if _has_count_head(network, fitted) else 0.0

    while _stop_reason(position, config) is None:
        epoch, started = position.epoch + 1, time.perf_counter()
        try:
            tally = yield from _fit(
                network, rule, fitted, config, seed, position, count_loss_weight, tick_seconds
            )
            bad_batch = tally.first_bad_batch()
            fit_seconds = time.perf_counter() - started
            outputs = {
                name: _rounded_outputs(network, split, device, count_loss_weight)
                for name, split in (("validation", validation), ("train", train_slice))
            }
        except torch.OutOfMemoryError:
            raise TrainingFailed(
                "gpu_memory",
                f"The GPU ran out of memory in epoch {epoch}; training.batch_size was {config.batch_size}. "
                "Take a smaller one.",
            ) from None
        if bad_batch is not None:
            raise TrainingFailed(
                "nan_loss",
                f"The loss was not a finite number in epoch {epoch}, batch {bad_batch} of {num_steps}; "
                f"training.learning_rate was {config.learning_rate:g}. Take a smaller one.",
            )
        validation_metrics = split_metrics(
            "validation", outputs["validation"], validation, count_loss_weight
        )
        stopping = position.stopping.updated(epoch, validation_metrics["validation_accuracy"])
        position = Position(epoch, position.step + num_steps, stopping)
        reason = _stop_reason(position, config)
        history = {
            "epoch": epoch,
            "step": position.step,
            "stage": 0,
            "learning_rate": rule.param_groups[0]["lr"],
            "epoch_seconds": time.perf_counter() - started,
            **tally.metrics(),
            **split_metrics("train_eval", outputs["train"], train_slice, count_loss_weight),
            **validation_metrics,
            "samples_per_second": len(fitted) / fit_seconds,
            "peak_memory": _peak_memory(device),
        }
        yield EpochResult(
            epoch=epoch,
            history=history,
            outputs=outputs,
            is_best=stopping.best_epoch == epoch,
            is_last=reason is not None,
            stop_reason=reason,
            weights={name: value.contiguous() for name, value in network.state_dict().items()},
            checkpoint=partial(to_state, network, rule, position),
        )


def final_outputs(
    network: nn.Module,
    weights: Mapping[str, Tensor],
    images: Tensor | NDArray[np.uint8],
    config: TrainingConfig,
    device: torch.device,
) -> dict[str, NDArray[np.float32]]:
    """Return what given weights say of images, not rounded.

    Args:
        network: of the run; the weights replace its own.
        weights: such as those of the best epoch.
        images: (N, C, H, W) uint8.
        config: of the run; it says whether a count head was trained.
        device: where to compute.

    Returns:
        head -> (N, D): "class" and, if it was trained, "count".
    """
    network.load_state_dict(weights)
    logits, counts = predict(network.to(device), images, EVALUATION_BATCH_SIZE, device)
    if counts is None or config.count_loss_weight == 0:
        return {"class": logits}
    return {"class": logits, "count": counts}


def _fit(
    network: nn.Module,
    rule: torch.optim.Optimizer,
    split: TensorSplit,
    config: TrainingConfig,
    seed: int,
    position: Position,
    count_loss_weight: float,
    tick_seconds: float,
) -> Generator[Progress, None, BatchTally]:
    """Take the steps of the epoch after `position` and return what its batches gave."""
    epoch, device = position.epoch + 1, split.labels.device
    order = torch.from_numpy(epoch_order(seed, epoch, len(split))).to(device)
    bounds = batch_bounds(len(split), config.batch_size)
    tally = BatchTally(count_loss_weight)
    started = last_tick = time.perf_counter()
    for number, (start, stop) in enumerate(bounds):
        rate = learning_rate(config, position.step + number, config.max_epochs * len(bounds))
        for group in rule.param_groups:
            group["lr"] = rate
        batch = split.subset(order[start:stop])
        loss = tally.add(network(to_input(batch.images)), batch)
        rule.zero_grad(set_to_none=True)
        loss.backward()
        rule.step()
        now = time.perf_counter()
        if now - last_tick >= tick_seconds:
            last_tick, seconds = now, now - started
            yield Progress(epoch, number + 1, len(bounds), stop / seconds, seconds)
    return tally


def _has_count_head(network: nn.Module, split: TensorSplit) -> bool:
    """Say whether the network predicts counts and the data set has them, by asking it about one image."""
    device = split.labels.device
    return split.counts is not None and predict(network, split.images[:1], 1, device)[1] is not None


def _rounded_outputs(
    network: nn.Module, split: TensorSplit, device: torch.device, count_loss_weight: float
) -> dict[str, NDArray[np.float16]]:
    """Return head -> (N, D) outputs as they are stored; a value beyond float16 becomes infinite."""
    logits, counts = predict(network, split.images, EVALUATION_BATCH_SIZE, device)
    heads = {"class": logits}
    if counts is not None and count_loss_weight > 0:
        heads["count"] = counts
    with np.errstate(over="ignore"):
        return {head: values.astype(np.float16) for head, values in heads.items()}


def _stop_reason(position: Position, config: TrainingConfig) -> StopReason | None:
    if position.stopping.is_exhausted(config.patience):
        return "patience"
    return "max_epochs" if position.epoch >= config.max_epochs else None


def _peak_memory(device: torch.device) -> int:
    """Return the largest memory use so far in bytes: of torch on a CUDA device, else of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    # Linux gives kibibytes, macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
