"""State of a training run, to and from tensors and plain numbers that `torch.load(weights_only=True)` reads.

Data order is a function of seed and epoch (data.py) and the learning rate one of the step (optimizers.py), so neither
is part of the state. Files, their names and their checks are core.runs.
"""

import random
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from core.training.stopping import EarlyStopping


class Position(NamedTuple):
    """How far a run has come.

    Attributes:
        epoch: epochs completed.
        step: optimizer steps taken.
        stopping: best epoch so far.
    """

    epoch: int = 0
    step: int = 0
    stopping: EarlyStopping = EarlyStopping()


def to_state(
    network: nn.Module, optimizer: torch.optim.Optimizer, position: Position
) -> dict[str, Any]:
    """Return everything that the next epoch depends on.

    The tensors are the live ones: they are valid until training goes on.

    Returns:
        "model" and "optimizer" (state dicts), "epoch", "step", "stopping" (see `EarlyStopping`) and "rng" (see
        `random_state`).
    """
    return {
        "model": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": position.epoch,
        "step": position.step,
        "stopping": asdict(position.stopping),
        "rng": random_state(),
    }


def restore(
    state: Mapping[str, Any], network: nn.Module, optimizer: torch.optim.Optimizer
) -> Position:
    """Bring network, optimizer and random generators into a state, and return how far the run has come."""
    network.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    set_random_state(state["rng"])
    return Position(state["epoch"], state["step"], EarlyStopping(**state["stopping"]))


def seed_everything(seed: int) -> None:
    """Seed the generators of python, numpy and torch (all devices) for what a run draws while it trains.

    Stream 0 of the seed; the epochs' orders are streams 1 and up, and the initial weights take the seed itself.
    """
    stream = int(np.random.SeedSequence([seed, 0]).generate_state(1, np.uint32)[0])
    random.seed(stream)
    np.random.seed(stream)
    torch.manual_seed(stream)


def random_state() -> dict[str, Any]:
    """Return the state of every global generator.

    Returns:
        "torch" (uint8), "cuda" (one uint8 tensor a device, empty without CUDA), "numpy" (626 int64: key, position, whether
        a normal draw is kept), "numpy_kept" (that draw, float), "python" (626 int64: version, key and position),
        "python_kept" (that draw, float or None).
    """
    numpy_state: Any = np.random.get_state(legacy=False)
    key, position = numpy_state["state"]["key"], numpy_state["state"]["pos"]
    version, internal, python_kept = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
        "numpy": torch.tensor(
            [*key.tolist(), position, numpy_state["has_gauss"]], dtype=torch.int64
        ),
        "numpy_kept": float(numpy_state["gauss"]),
        "python": torch.tensor([version, *internal], dtype=torch.int64),
        "python_kept": python_kept,
    }


def set_random_state(state: Mapping[str, Any]) -> None:
    """Bring every global generator into a state from `random_state`."""
    torch.set_rng_state(state["torch"].cpu())
    if state["cuda"] and torch.cuda.device_count() == len(state["cuda"]):
        torch.cuda.set_rng_state_all([one.cpu() for one in state["cuda"]])
    *key, position, has_kept = state["numpy"].tolist()
    np.random.set_state(
        ("MT19937", np.array(key, dtype=np.uint32), position, has_kept, state["numpy_kept"])
    )
    version, *internal = state["python"].tolist()
    random.setstate((version, tuple(internal), state["python_kept"]))
