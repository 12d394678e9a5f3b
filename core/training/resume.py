"""Fit: all that changes while a run trains, to and from tensors and plain numbers that `torch.load(weights_only=True)` reads.

Data order is a function of seed and epoch (data.py) and the learning rate one of the step (optimizers.py), so neither
is part of the state. Files, their names and their checks are core.runs.
"""

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from core.training.stopping import EarlyStopping


class Position(NamedTuple):
    """How far a run has come.

    Attributes:
        epoch: epochs completed.
        step: optimizer steps taken.
        best: best epoch of the run so far.
        stage: number of the stage, from 0.
        stage_epoch: epochs completed in the stage.
        stage_step: optimizer steps taken in the stage.
        stopping: best epoch of the stage so far.
    """

    epoch: int = 0
    step: int = 0
    best: EarlyStopping = EarlyStopping()
    stage: int = 0
    stage_epoch: int = 0
    stage_step: int = 0
    stopping: EarlyStopping = EarlyStopping()

    def after_epoch(self, num_steps: int, score: float, min_gain: float) -> Self:
        """Return the position after one more epoch of so many steps that gave this score."""
        epoch = self.epoch + 1
        return type(self)(
            epoch,
            self.step + num_steps,
            self.best.updated(epoch, score),
            self.stage,
            self.stage_epoch + 1,
            self.stage_step + num_steps,
            self.stopping.updated(epoch, score, min_gain),
        )

    def next_stage(self) -> Self:
        """Return the position at the start of the stage after this one."""
        return type(self)(self.epoch, self.step, self.best, self.stage + 1)


@dataclass
class Fit:
    """All that changes while a run trains.

    Attributes:
        network: whose weights are fitted.
        rule: the optimizer of the stage.
        position: how far it has come.
        average: moving average of the weights, or None.
        stage_best: weights of the stage's best epoch, where the next stage starts from them; else None.
    """

    network: nn.Module
    rule: torch.optim.Optimizer
    position: Position
    average: AveragedModel | None = None
    stage_best: dict[str, Tensor] | None = None

    @property
    def evaluated(self) -> nn.Module:
        """The network whose answers count: the moving average of the weights, where there is one."""
        return self.network if self.average is None else self.average.module

    def to_state(self) -> dict[str, Any]:
        """Return everything that the next epoch depends on.

        The tensors are the live ones: they are valid until training goes on.

        Returns:
            "model" and "optimizer" (state dicts), "average" (that of the moving average, or None), "stage_best" (weights, or
            None), "position" (see `Position`) and "rng" (see `random_state`).
        """
        position = self.position._asdict()
        for name in ("best", "stopping"):
            position[name] = asdict(position[name])
        return {
            "model": self.network.state_dict(),
            "optimizer": self.rule.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "stage_best": self.stage_best,
            "position": position,
            "rng": random_state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Bring network, optimizer and random generators into a state from `to_state`.

        The stage's own optimizer and moving average must be in place: `saved_position` says which stage it is.
        """
        self.network.load_state_dict(state["model"])
        self.rule.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.stage_best = state["stage_best"]
        self.position = saved_position(state)
        set_random_state(state["rng"])


def saved_position(state: Mapping[str, Any]) -> Position:
    """Return how far a run had come in a state from `Fit.to_state`."""
    values = dict(state["position"])
    for name in ("best", "stopping"):
        values[name] = EarlyStopping(**values[name])
    return Position(**values)


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
