"""train(): a generator of epochs, and final_outputs(): what the best weights say at the end.

Whoever iterates decides what to write, and may close the generator at any yield. Nothing here knows the run folder.
What happens within an epoch is epoch.py.
"""

import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from core.augmentations.pipeline import AugmentationPipeline
from core.config import Stage, TrainingConfig
from core.exceptions import TrainingFailed
from core.labels import LabelSpace
from core.models.activations import DeadNeurons
from core.models.averaging import allowed_symmetries, averaged
from core.models.forward import EVALUATION_BATCH_SIZE, predict
from core.models.standardised import Standardised
from core.training.data import TensorSplit, TrainingData, batch_bounds
from core.training.epoch import Material, Progress, fit_epoch, loss_of
from core.training.metrics import split_metrics
from core.training.optimizers import optimizer
from core.training.resume import Fit, Position, saved_position, seed_everything
from core.training.stopping import score
from core.training.tally import Loss

MEASURED_KEYS = frozenset({"epoch_seconds", "samples_per_second", "peak_memory"})
"""History keys that differ between two runs that are otherwise equal bit for bit."""

StopReason = Literal["patience", "max_epochs"]


@dataclass(frozen=True)
class EpochResult:
    """An epoch's end. `weights` and `checkpoint()` are live: use them before the generator is advanced.

    Attributes:
        epoch: from 1.
        history: the row of runs.md section 2, without attempt and time; undefined values are NaN. "dead_share" maps
            layers to shares.
        outputs: split ("validation"; "train": the fixed slice) -> head ("class", "count") -> (N, D) float16.
        is_best: whether it is the best epoch of the run so far, by the metric of early stopping.
        is_last: whether training ends here.
        stop_reason: why it ends, or None.
        weights: state dict of the evaluated network, each tensor in row-major order, as safetensors wants it.
        checkpoint: returns the state to resume from, see `core.training.resume.Fit.to_state`.
    """

    epoch: int
    history: dict[str, Any]
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
    *,
    stages: Sequence[Stage] = (),
    augmentation: AugmentationPipeline | None = None,
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
        stages: courses of training in a row, as changes of `config`; none is a single one.
        augmentation: what is done to the training images; nothing by default.
        resume: a state from `EpochResult.checkpoint()`; if training was over then, nothing is yielded.
        tick_seconds: least time between two signs of life; 0 gives one after every batch.

    Raises:
        TrainingFailed: "nan_loss", a batch's loss was not finite; "gpu_memory", a batch did not fit the device.
        InvalidParameter: the augmentation cannot be applied to this data.
    """
    courses = [stage.applied(config) for stage in stages] or [config]
    network.to(device).train()
    material = Material(
        data.train.to(device),
        data.space,
        augmentation or AugmentationPipeline(),
        seed,
        tick_seconds,
    )
    validation = data.validation.to(device)
    train_slice = material.split.subset(data.train_slice_ids.to(device))
    has_count_head = _has_count_head(network, material.split)
    if resume is None:
        seed_everything(seed)
        if isinstance(network, Standardised):
            network.fit(material.split.images)
        fit = _prepared(network, courses[0], device, Position())
    else:
        position = saved_position(resume)
        fit = _prepared(network, courses[position.stage], device, position)
        fit.restore(resume)

    while True:
        course = courses[fit.position.stage]
        if _stop_reason(fit.position, course) is not None:
            if fit.position.stage + 1 == len(courses):
                return
            fit = _next_stage(fit, stages[fit.position.stage + 1], courses, device)
            continue
        epoch, started = fit.position.epoch + 1, time.perf_counter()
        loss = loss_of(course, material, has_count_head)
        try:
            tally = yield from fit_epoch(fit, material, course, loss)
            bad_batch = tally.first_bad_batch()
            fit_seconds = time.perf_counter() - started
            outputs = {"validation": _rounded_outputs(fit.evaluated, validation, device, loss)}
            with DeadNeurons(fit.evaluated) as dead:
                outputs["train"] = _rounded_outputs(fit.evaluated, train_slice, device, loss)
        except torch.OutOfMemoryError:
            raise TrainingFailed(
                "gpu_memory",
                f"The GPU ran out of memory in epoch {epoch}; training.batch_size was {course.batch_size}. "
                "Take a smaller one.",
            ) from None
        num_steps = len(batch_bounds(material.num_rows, course.batch_size))
        if bad_batch is not None:
            raise TrainingFailed(
                "nan_loss",
                f"The loss was not a finite number in epoch {epoch}, batch {bad_batch} of {num_steps}; "
                f"training.learning_rate was {course.learning_rate:g}. Take a smaller one.",
            )
        metrics = {
            **tally.metrics(),
            **split_metrics("train_eval", outputs["train"], train_slice, loss),
            **split_metrics("validation", outputs["validation"], validation, loss),
        }
        fit.position = fit.position.after_epoch(
            num_steps, score(metrics, config.early_stopping_metric), course.min_gain
        )
        if fit.position.stopping.best_epoch == epoch and _is_start_of_next(stages, fit.position):
            fit.stage_best = {
                name: value.clone() for name, value in fit.evaluated.state_dict().items()
            }
        reason = _stop_reason(fit.position, course)
        is_last = reason is not None and fit.position.stage + 1 == len(courses)
        history = {
            "epoch": epoch,
            "step": fit.position.step,
            "stage": fit.position.stage,
            "learning_rate": fit.rule.param_groups[0]["lr"],
            "epoch_seconds": time.perf_counter() - started,
            **metrics,
            "dead_share": dead.shares(),
            "samples": material.num_rows,
            "samples_per_second": material.num_rows / fit_seconds,
            "peak_memory": _peak_memory(device),
        }
        yield EpochResult(
            epoch=epoch,
            history=history,
            outputs=outputs,
            is_best=fit.position.best.best_epoch == epoch,
            is_last=is_last,
            stop_reason=reason if is_last else None,
            weights={
                name: value.contiguous() for name, value in fit.evaluated.state_dict().items()
            },
            checkpoint=fit.to_state,
        )


def final_outputs(
    network: nn.Module,
    weights: Mapping[str, Tensor],
    images: Tensor | NDArray[np.uint8],
    config: TrainingConfig,
    space: LabelSpace,
    device: torch.device,
) -> dict[str, NDArray[np.float32]]:
    """Return what given weights say of images, averaged over views as the settings say; not rounded.

    Args:
        network: of the run; the weights replace its own.
        weights: such as those of the best epoch.
        images: (N, C, H, W) uint8.
        config: of the run; it says whether a count head was trained.
        space: classes and counts, with the data set's rules.
        device: where to compute.

    Returns:
        head -> (N, D): "class" and, if it was trained, "count".
    """
    network.load_state_dict(weights)
    network.to(device)
    _, channels, height, width = images.shape
    symmetries = allowed_symmetries(space, config.test_time_averaging, (channels, height, width))
    if len(symmetries) > 1:
        logits, counts = averaged(network, images, space, symmetries, EVALUATION_BATCH_SIZE, device)
    else:
        logits, counts = predict(network, images, EVALUATION_BATCH_SIZE, device)
    if counts is None or config.count_loss_weight == 0:
        return {"class": logits}
    return {"class": logits, "count": counts}


def _prepared(
    network: nn.Module, course: TrainingConfig, device: torch.device, position: Position
) -> Fit:
    """Return what the epochs of a stage change, with a fresh optimizer and moving average."""
    average = None
    if course.ema_decay > 0:
        average = AveragedModel(
            network, multi_avg_fn=get_ema_multi_avg_fn(course.ema_decay), use_buffers=True
        )
    return Fit(network, optimizer(network, course, device), position, average)


def _next_stage(
    fit: Fit, stage: Stage, courses: Sequence[TrainingConfig], device: torch.device
) -> Fit:
    weights = fit.stage_best if stage.starts_from == "best" else fit.evaluated.state_dict()
    if weights is not None:  # None: no epoch of the stage gave a number to judge it by
        fit.network.load_state_dict(weights)
    position = fit.position.next_stage()
    return _prepared(fit.network, courses[position.stage], device, position)


def _is_start_of_next(stages: Sequence[Stage], position: Position) -> bool:
    following = stages[position.stage + 1 : position.stage + 2]
    return bool(following) and following[0].starts_from == "best"


def _has_count_head(network: nn.Module, split: TensorSplit) -> bool:
    """Say whether the network predicts counts and the data set has them, by asking it about one image."""
    device = split.labels.device
    return split.counts is not None and predict(network, split.images[:1], 1, device)[1] is not None


def _rounded_outputs(
    network: nn.Module, split: TensorSplit, device: torch.device, loss: Loss
) -> dict[str, NDArray[np.float16]]:
    """Return head -> (N, D) outputs as they are stored; a value beyond float16 becomes infinite."""
    logits, counts = predict(network, split.images, EVALUATION_BATCH_SIZE, device)
    heads = {"class": logits}
    if counts is not None and loss.count_weight > 0:
        heads["count"] = counts
    with np.errstate(over="ignore"):
        return {head: values.astype(np.float16) for head, values in heads.items()}


def _stop_reason(position: Position, course: TrainingConfig) -> StopReason | None:
    """Return why the stage is over, or None."""
    if position.stopping.is_exhausted(course.patience):
        return "patience"
    return "max_epochs" if position.stage_epoch >= course.max_epochs else None


def _peak_memory(device: torch.device) -> int:
    """Return the largest memory use so far in bytes: of torch on a CUDA device, else of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    # Linux gives kibibytes, macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
