"""What a training step costs: `python benchmarks/training.py [--rounds N]`.

1. Batches in a fresh order as floats: slices of one uint8 tensor against `DataLoader(TensorDataset)` of float images.
2. Steps of dense base, conv base and conv batch norm, ours against the Fashion study's way (fashion_study.py), each with
   its feeding and what it counts of a batch; and against that way with its batches given for nothing.

Ours is `core.training.epoch.fit_epoch` as every run calls it, the gradient's norm and the epoch's order included. That
both ways give the same losses is tests/test_training_reference.py. The loop around the epochs is training_overhead.py,
memory and several runs are training_runs.py.

Batches of 256 of Fashion where it is here, else noise of the same shape. CPU seconds of one thread; each way in a process
of its own, ours with the variables of a worker, the rounds interleaved and each beginning with the other way; medians of
the rounds' ratios with the least and the most.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import torch

# The checkout's own modules, wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import fashion_study as study

from core.augmentations.pipeline import AugmentationPipeline
from core.config import TrainingConfig
from core.datasets.base import default_data_dir
from core.datasets.fashion import Fashion
from core.exceptions import InvalidInput
from core.jobs import slots
from core.labels import LabelSpace
from core.models.forward import build_network, to_input
from core.training.data import TensorSplit, batch_bounds, epoch_order
from core.training.epoch import Material, fit_epoch, loss_of
from core.training.optimizers import optimizer
from core.training.resume import Fit, Position
from core.variants import VARIANTS

NUM_IMAGES = 31_500
SPACE = LabelSpace(tuple("0123456789"))
FEEDING = "feeding"
STEPS = {FEEDING: 124, "dense-base": 40, "conv-base": 8, "conv-batch-norm": 8}
"""Batches a round: feeding takes all of Fashion, the others about a CPU second or less."""
GOALS = {FEEDING: 3.5, "dense-base": 1.6, "conv-base": 1.6, "conv-batch-norm": 1.5}


def fashion() -> TensorSplit:
    """Return the 31,500 training samples."""
    try:
        return TensorSplit.from_split(Fashion().load(default_data_dir()).split("train"))
    except InvalidInput:
        print("Fashion is not here: noise of its shape.", file=sys.stderr)
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (NUM_IMAGES, 1, 32, 32), dtype=np.uint8)
    labels = generator.integers(0, 10, NUM_IMAGES)
    return TensorSplit(torch.from_numpy(pixels), torch.from_numpy(labels))


def seconds(act: Callable[[], object]) -> float:
    start = time.process_time()
    act()
    return time.process_time() - start


class Child:
    """A process that holds some ways and takes one round of the way that it is told.

    A process of its own, because how memory is given back is settled once a process: `variables` are those of a worker,
    or none.
    """

    def __init__(self, kind: str, subject: str, variables: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--child", kind, subject],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | variables,
        )

    def seconds(self, way: str) -> float:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None and stdout is not None
        print(way, file=stdin, flush=True)
        return float(stdout.readline())

    def close(self) -> None:
        self.process.communicate()


def interleaved(subject: str, num_rounds: int) -> dict[str, list[float]]:
    """Return CPU seconds of each way, one a round, after one of each to warm up."""
    reference = Child("reference", subject, {})
    ours = Child("ours", subject, slots.environment("cpu-0", threads=1))
    ways = {"reference": reference, "its step alone": reference, "ours": ours}
    if subject == FEEDING:
        del ways["its step alone"]
    found: dict[str, list[float]] = {name: [] for name in ways}
    for name, child in ways.items():
        child.seconds(name)
    for number in range(num_rounds):
        for name in list(ways) if number % 2 else list(ways)[::-1]:
            found[name].append(ways[name].seconds(name))
    reference.close()
    ours.close()
    return found


def shown(name: str, values: list[float], form: str = "8.3f") -> None:
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"{name:<66} {middle:{form}}   ({low:{form}} to {high:{form}})", flush=True)


def ratios(one: list[float], other: list[float]) -> list[float]:
    return [first / second for first, second in zip(one, other, strict=True)]


def reference_ways(subject: str, split: TensorSplit) -> dict[str, Callable[[], object]]:
    if subject == FEEDING:
        shuffled = study.loader(to_input(split.images), split.labels, is_shuffled=True)
        return {"reference": lambda: [None for _ in shuffled]}
    network = study.with_weights_of(study.NETWORKS[subject](), our_network(subject))
    rule = torch.optim.Adam(network.parameters())
    part = split.subset(torch.arange(STEPS[subject] * study.BATCH_SIZE))
    batches = study.loader(to_input(part.images), part.labels)
    ready = list(batches)
    return {
        "reference": lambda: study.trained(network, rule, batches),
        "its step alone": lambda: study.trained(network, rule, ready),
    }


def our_ways(subject: str, split: TensorSplit) -> dict[str, Callable[[], object]]:
    epochs = count()
    if subject == FEEDING:
        return {"ours": lambda: feed(material(split), next(epochs) + 1)}
    config, network = TrainingConfig(), our_network(subject)
    part = material(split.subset(torch.arange(STEPS[subject] * study.BATCH_SIZE)))
    fit = Fit(network, optimizer(network, config, torch.device("cpu")), Position())
    loss = loss_of(config, part, has_count_head=False)

    def train() -> None:
        fit.position = Position(epoch=next(epochs))
        for _ in fit_epoch(fit, part, config, loss):
            pass

    return {"ours": train}


def our_network(name: str) -> torch.nn.Module:
    return build_network(VARIANTS[name].model, (1, 32, 32), SPACE, seed=0).train()


def material(split: TensorSplit) -> Material:
    return Material(split, SPACE, AugmentationPipeline(), seed=0, tick_seconds=1.0)


def feed(given: Material, epoch: int) -> None:
    """Make the batches of an epoch as `fit_epoch` does."""
    pictures = given.pictures(epoch)
    order = torch.from_numpy(epoch_order(given.seed, epoch, given.num_rows))
    for start, stop in batch_bounds(given.num_rows, study.BATCH_SIZE):
        to_input(pictures.batch(order[start:stop]).images)


def compare(subject: str, num_rounds: int) -> None:
    found = interleaved(subject, num_rounds)
    num_batches = STEPS[subject]
    for way, values in found.items():
        times = [1e3 * one / num_batches for one in values]
        shown(f"{subject}, a batch of 256, {way}, CPU ms", times)
    ours = found.pop("ours")
    for way, values in found.items():
        goal = f" (goal: at least {GOALS[subject]})" if way == "reference" else ""
        shown(f"  times faster than {way}{goal}", ratios(values, ours), "8.2f")


def answer(kind: str, subject: str) -> None:
    """Be a child: a way a line in, its CPU seconds a line out."""
    ways = (reference_ways if kind == "reference" else our_ways)(subject, fashion())
    for line in sys.stdin:
        print(seconds(ways[line.strip()]), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--child", nargs=2)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.child:
        return answer(*chosen.child)
    for subject in STEPS:
        compare(subject, chosen.rounds)


if __name__ == "__main__":
    main()
