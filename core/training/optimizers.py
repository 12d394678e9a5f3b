"""Optimizers and the learning rate of each step, both functions of the training settings."""

import inspect
import math
from collections.abc import Callable

import torch
from torch import nn

from core.config import TrainingConfig


def _without_compiler(kind: type[torch.optim.Optimizer]) -> Callable[..., torch.optim.Optimizer]:
    """Return torch's class with its own methods, but without what is wrapped around them for torch.compile.

    The wrappers of torch 2.13 import the compiler, torch._dynamo, when the first optimizer is made. That took 3.4 of a
    worker's first 6 CPU seconds, more than all epochs of a digits run (shared 2-core AMD EPYC, one thread), and we
    compile nothing. `step` computes no gradients, as its wrapper sees to.
    """
    methods = {
        name: inspect.unwrap(getattr(kind, name))
        for name in ("add_param_group", "load_state_dict", "state_dict", "zero_grad")
    }
    return type(
        kind.__name__, (kind,), {**methods, "step": torch.no_grad()(inspect.unwrap(kind.step))}
    )


_OPTIMIZERS = {
    "adam": _without_compiler(torch.optim.Adam),
    "adamw": _without_compiler(torch.optim.AdamW),
    "sgd": _without_compiler(torch.optim.SGD),
}


def optimizer(
    network: nn.Module, config: TrainingConfig, device: torch.device
) -> torch.optim.Optimizer:
    """Return the configured optimizer over all parameters, fused into one kernel where torch has one.

    Fused Adam made a dense step 1.67x faster (CPU, torch 2.13, one thread); it changes the last bits of the weights.

    Args:
        network: a network that is already on the device.
        device: where it is.
    """
    is_sgd = config.optimizer == "sgd"
    only_sgd = {"momentum": config.momentum, "nesterov": config.is_nesterov} if is_sgd else {}
    return _OPTIMIZERS[config.optimizer](
        network.parameters(),
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        fused=device.type in ("cpu", "cuda"),
        **only_sgd,
    )


def learning_rate(config: TrainingConfig, step: int, steps_per_epoch: int) -> float:
    """Return the learning rate of one optimizer step of a stage.

    It rises linearly to `config.learning_rate` over the warm-up and then follows the schedule. Linear and cosine fall so
    that the step after the last would have zero; the step schedule multiplies it by `step_factor` each time that
    `step_epochs` epochs of the stage have passed.

    Args:
        config: of the stage.
        step: number of steps taken in the stage before this one.
        steps_per_epoch: early stopping does not shorten the course: it is laid out over all `max_epochs`.

    Source of the cosine: Loshchilov and Hutter 2017, "SGDR", equation 5, without restarts.
    """
    total_steps = config.max_epochs * steps_per_epoch
    warmup_steps = round(config.warmup_share * total_steps)
    if step < warmup_steps:
        return config.learning_rate * (step + 1) / warmup_steps
    share_left = (total_steps - step) / (total_steps - warmup_steps)
    match config.schedule:
        case "constant":
            factor = 1.0
        case "linear":
            factor = share_left
        case "cosine":
            factor = (1 - math.cos(math.pi * share_left)) / 2
        case "step":
            factor = config.step_factor ** (step // (steps_per_epoch * config.step_epochs))
    return config.learning_rate * factor
