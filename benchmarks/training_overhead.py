"""What a run costs beside its training: `python benchmarks/training_overhead.py [--epochs N] [VARIANT]`.

A worker's attempt (core.jobs.attempt on a temporary store: everything that `train()` does, history row, predictions of
validation and of the fixed slice, best weights, checkpoint, state, heartbeat) against a bare loop on the same data,
with the same network and optimizer. The bare loop makes the epoch's pictures in a fresh order, and for each batch:
forward, cross entropy, backward, step, the loss added to a tensor; then validation in evaluation mode, counting hits.
It has no history, no gradient norm, no accuracy while training, no slice, no dead neurons, and writes nothing.

Fashion, 31,500 images as they are and as the study's four copies; goal: at most 3 % on dense base. CPU seconds of one
thread; epochs interleaved in one process, the first of each left out; medians of the epochs' ratios with the least and
the most.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch.nn import functional

# The checkout's own modules, wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.augmentations.expansion import FixedExpansion
from core.augmentations.pictures import EpochPictures
from core.augmentations.pipeline import AugmentationPipeline
from core.config import RunConfig
from core.datasets.base import Dataset, default_data_dir
from core.jobs.attempt import Attempt
from core.jobs.executor import Poll
from core.jobs.heartbeat import Heartbeat
from core.jobs.submit import submit
from core.models.forward import EVALUATION_BATCH_SIZE, build_network, to_input
from core.runs import files
from core.runs.run import Run
from core.runs.state import read_state
from core.runs.store import Store
from core.training.data import TrainingData, batch_bounds, epoch_order
from core.training.optimizers import optimizer
from core.variants import run_config

CPU = torch.device("cpu")


class Nobody:
    """An executor that leaves the run waiting: this script is its worker."""

    name = "nobody"

    def submit(self, run: Run, attempt: int) -> str:
        return f"{run.id}-{attempt}"

    def poll(self, handle: str) -> Poll:
        return "unknown"

    def cancel(self, handle: str) -> None:
        pass


def bare_loop(config: RunConfig, dataset: Dataset) -> Callable[[int], float]:
    """Return what trains an epoch and gives the validation accuracy."""
    data = TrainingData.from_dataset(dataset)
    network = build_network(config.model, dataset.image_shape, dataset.space, seed=0)
    rule = optimizer(network, config.training, CPU)
    num_rows = len(data.train) * config.augmentation.num_copies
    validation = data.validation

    def epoch_of(epoch: int) -> float:
        images, labels = data.train.images, data.train.labels
        pictures = EpochPictures(config.augmentation, images, labels, None, dataset.space, 0, epoch)
        order = torch.from_numpy(epoch_order(0, epoch, num_rows))
        total = torch.zeros(())
        network.train()
        for start, stop in batch_bounds(num_rows, config.training.batch_size):
            batch = pictures.batch(order[start:stop])
            loss = functional.cross_entropy(network(to_input(batch.images)).logits, batch.labels)
            rule.zero_grad()
            loss.backward()
            rule.step()
            total += loss.detach()
        network.eval()
        hits = 0
        with torch.inference_mode():
            for start in range(0, len(validation), EVALUATION_BATCH_SIZE):
                part = slice(start, start + EVALUATION_BATCH_SIZE)
                logits = network(to_input(validation.images[part])).logits
                hits += int((logits.argmax(dim=1) == validation.labels[part]).sum())
        return hits / len(validation)

    return epoch_of


def seconds_an_epoch(config: RunConfig) -> tuple[list[float], list[float]]:
    """Return CPU seconds of a worker's epochs and of the bare loop's, in turn."""
    ours: list[float] = []
    bare: list[float] = []
    data_dir = default_data_dir()
    dataset = config.dataset.load(data_dir)
    train_bare = bare_loop(config, dataset)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder, "runs"))
        layout = submit(store, Nobody(), dataset, config, seed=0, device="cpu").layout
        files.create_json(layout.attempt(1), {"attempt": 1, "from_epoch": 1})
        since, epoch = time.process_time(), 0

        def between() -> bool:
            """Train a bare epoch where the worker looks for a request to stop, if it has just ended one of its own."""
            nonlocal since, epoch
            if attempt.state.epoch == epoch:
                return False
            ours.append(time.process_time() - since)
            epoch = attempt.state.epoch
            start = time.process_time()
            train_bare(epoch)
            since = time.process_time()
            bare.append(since - start)
            return False

        with Heartbeat(layout, store.observer.waits.beat) as beat:
            state = replace(read_state(layout), state="running", attempt=1)
            waits = store.observer.waits
            attempt = Attempt(layout, 1, state, data_dir, waits, beat, between, False)
            attempt.run(None)
    return ours[1:], bare[1 : len(ours)]


def shown(name: str, values: list[float], form: str = "8.3f") -> None:
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"{name:<58} {middle:{form}}   ({low:{form}} to {high:{form}})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("variant", nargs="?", default="dense-base")
    parser.add_argument("--epochs", type=int, default=12)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    pipelines = {"31,500": None, "126,000": AugmentationPipeline(expansion=FixedExpansion())}
    for rows, pipeline in pipelines.items():
        # The last epoch has no look for a request after it, the first is left out.
        settings = {"training.max_epochs": chosen.epochs + 2, "training.patience": 0}
        config = run_config({"name": "fashion"}, chosen.variant, settings)
        if pipeline is not None:
            config = config.model_copy(update={"augmentation": pipeline})
        ours, bare = seconds_an_epoch(config)
        shown(f"{chosen.variant}, an epoch of {rows} rows, worker, CPU s", ours)
        shown("  bare loop, CPU s", bare)
        extra = [100 * (one / other - 1) for one, other in zip(ours, bare, strict=True)]
        shown("  worker more than bare, % (goal: at most 3)", extra, "8.1f")


if __name__ == "__main__":
    main()
