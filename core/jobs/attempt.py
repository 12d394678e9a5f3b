"""Attempt: what a worker does once it holds its locks: data, network, epochs, results, all written in order.

At an epoch's end come predictions, history row, checkpoint, state. torch is imported inside the methods: the worker
takes its locks before anything slow happens. Which attempt may train is the worker's business.
"""

import contextlib
import hashlib
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.exceptions import DamagedRun, TrainingFailed
from core.jobs import disk, quotas
from core.jobs.heartbeat import Heartbeat
from core.runs import checkpoints, files, history, outputs
from core.runs.layout import RunLayout
from core.runs.run import read_spec
from core.runs.state import RunState, read_state, write_state
from core.runs.waits import Waits

if TYPE_CHECKING:
    from core.training.loop import EpochResult, Progress

LARGEST_LOG = 20 * 2**20
"""Bytes of log.txt after which the rest is left out."""


class Fenced(Exception):
    """A later attempt has taken over: write nothing more."""


class Stopped(Exception):
    """Somebody asked the run to stop."""


class Attempt:
    """One attempt at one run.

    Args:
        layout: the run's folder.
        number: of the attempt.
        state: as it is to be written when training starts.
        data_dir: folder of the data sets.
        waits: limits.
        beat: to note progress.
        is_asked_to_stop: looked at between batches, beside the request in the folder.
        owns_output: whether standard output is this run's log.
    """

    def __init__(
        self,
        layout: RunLayout,
        number: int,
        state: RunState,
        data_dir: Path,
        waits: Waits,
        beat: Heartbeat,
        is_asked_to_stop: Callable[[], bool],
        owns_output: bool,
    ) -> None:
        self.layout = layout
        self.number = number
        self.state = state
        self.data_dir = data_dir
        self.waits = waits
        self.beat = beat
        self.is_asked_to_stop = is_asked_to_stop
        self.owns_output = owns_output
        self.epoch_seconds: list[float] = []
        self.is_indexed = False
        self.stop_at: float | None = None
        """By the monotonic clock: when the owner's time is up."""

    def run(self, checkpoint: checkpoints.Checkpoint | None) -> None:
        """Train from a checkpoint, or from the start, and evaluate the best weights."""
        # Imported late: the locks come first, and torch takes seconds.
        import torch

        from core.config import RunConfig
        from core.jobs.checks import notes
        from core.models.forward import build_network
        from core.training import device as devices
        from core.training.data import TrainingData
        from core.training.loop import EpochResult, train

        spec = read_spec(self.layout)
        disk.check_space(self.layout)
        left = quotas.seconds_left(self.layout, spec["owner"])
        self.stop_at = None if left is None else time.monotonic() + left
        self.config = RunConfig.checked(spec["config"])
        resources = spec["resources"]
        devices.set_threads(int(resources.get("threads", 1)))
        choice = devices.choose(resources.get("device", "auto"))
        devices.make_deterministic(choice.device)
        self.device = choice.device
        self.state = replace(self.state, device=str(choice.device), epochs=self.config.max_epochs)
        self.check_fence()
        write_state(self.layout, self.state)
        mine = files.read_json(self.layout.attempt(self.number))
        files.write_json(self.layout.attempt(self.number), mine | {"device": str(choice.device)})
        self.event("running", device=str(choice.device), why=choice.reason)

        self.dataset = self.config.dataset.load(self.data_dir)
        if self.dataset.fingerprint != spec["data_fingerprint"]:
            raise TrainingFailed(
                "data_changed",
                f"The data set {self.dataset.name!r} is no longer the one that was submitted; "
                "start a new run on it.",
            )
        if checkpoint is None:
            for note in notes(self.dataset, self.config):
                self.event("note", message=note)
        self.seed = spec["seed"]
        self.network = build_network(
            self.config.model,
            self.dataset.image_shape,
            self.dataset.space,
            self.seed,
            self.config.training.is_input_standardised,
        )
        data = TrainingData.from_dataset(self.dataset)
        resume = None
        if checkpoint is not None:
            resume = torch.load(checkpoint.path, map_location="cpu", weights_only=True)
            self._warn_of_new_surroundings(checkpoint.manifest)
        self.data = data
        results = train(
            self.network,
            data,
            self.config.training,
            self.seed,
            self.device,
            stages=self.config.stages,
            augmentation=self.config.augmentation,
            resume=resume,
            tick_seconds=self.waits.progress,
        )
        for result in results:
            if not isinstance(result, EpochResult):
                self._progress(result)
                self.check_stop()
                continue
            self._end_epoch(result)
            # After the last epoch there is nothing left to stop.
            if not result.is_last:
                self.check_stop()
        self._patiently(self.evaluate_best)

    def evaluate_best(self) -> None:
        """Write what the best weights so far say of the test split; before the first epoch's end there are none."""
        self.check_fence()
        if self.state.best_epoch is None:
            return
        from safetensors.torch import load_file

        from core.training.loop import final_outputs

        if not checkpoints.is_whole(self.layout, self.layout.best_weights):
            raise DamagedRun(
                "The best weights do not match their manifest. Resume trains again, from the first epoch if need be."
            )
        best = files.read_json(self.layout.best_json)
        test = self.dataset.split("test")
        values = final_outputs(
            self.network,
            load_file(self.layout.best_weights),
            test.images,
            self.config.training,
            self.dataset.space,
            self.device,
        )
        truth = _truth(test.labels, test.counts)
        self.check_fence()
        outputs.write_test(self.layout, self.dataset.space, truth, values, best["epoch"])

    def _progress(self, progress: "Progress") -> None:
        # Not only at the epoch's end, which may be hours away; a look that fails is made again in a second.
        with contextlib.suppress(OSError):
            self.check_fence()
        self.beat.moved(
            epoch=progress.epoch,
            step=progress.step,
            steps=progress.steps,
            samples_per_second=round(progress.samples_per_second, 1),
        )
        self.limit_log()

    def _end_epoch(self, result: "EpochResult") -> None:
        self.check_fence()
        self.epoch_seconds.append(float(result.history["epoch_seconds"]))
        self.beat.moved(median_epoch_seconds=statistics.median(self.epoch_seconds))
        best: dict[str, Any] = {
            key: getattr(self.state, key) for key in ("best_epoch", "best_validation_accuracy")
        }
        if result.is_best:
            accuracy = result.history["validation_accuracy"]
            best = {"best_epoch": result.epoch, "best_validation_accuracy": float(accuracy)}
        # Each on its own, so that waiting for space appends no row twice.
        for write in (
            self._write_outputs,
            self._write_row,
            self._write_best,
            partial(self._write_checkpoint, best=best),
        ):
            # A machine that slept may wake up between any two of them, and find that another has taken over.
            self.check_fence()
            self._patiently(partial(write, result))
        self.check_fence()
        self.state = replace(self.state, epoch=result.epoch, t=time.time(), **best)
        self._patiently(partial(write_state, self.layout, self.state))
        self.limit_log()

    def _write_outputs(self, result: "EpochResult") -> None:
        if not self.is_indexed:
            self._write_index(result.outputs["validation"])
        for split, heads in result.outputs.items():
            for head, values in heads.items():
                outputs.write_record(self.layout, split, head, result.epoch, values)

    def _write_row(self, result: "EpochResult") -> None:
        row = {"attempt": self.number, **result.history, "time": time.time()}
        # A nearly full disk may have taken half of it at the last try.
        files.end_torn_line(self.layout.history)
        files.append_row(self.layout.history, files.without_nan(row))

    def _write_best(self, result: "EpochResult") -> None:
        if not result.is_best:
            return
        from safetensors.torch import save

        weights = {name: tensor.detach().cpu() for name, tensor in result.weights.items()}
        checkpoints.write_weights(
            self.layout,
            # Not save_file: its error on a full disk does not say that it is full (measured).
            lambda path: path.write_bytes(save(weights)),
            {
                "epoch": result.epoch,
                "weights_sha256": weights_sha256(weights),
                "parameters": sum(one.numel() for one in self.network.parameters()),
                "image_shape": list(self.dataset.image_shape),
            },
        )

    def _write_checkpoint(self, result: "EpochResult", best: Mapping[str, Any]) -> None:
        import torch

        files.sync_file(self.layout.history)
        state = result.checkpoint()
        checkpoints.write_checkpoint(
            self.layout,
            lambda path: torch.save(state, path),
            {
                "epoch": result.epoch,
                "attempt": self.number,
                "seed": self.seed,
                "rng": sorted(state["rng"]),
                "is_last": result.is_last,
                **best,
                **_surroundings(self.device),
            },
        )

    def _patiently(self, write: Callable[[], None]) -> None:
        disk.patiently(write, self.waits, self._warn, self._between_tries)

    def _between_tries(self) -> None:
        self.beat.moved()
        self.check_stop()

    def _warn(self, message: str) -> None:
        self.event("warning", message=message)

    def _write_index(self, heads: Mapping[str, Any]) -> None:
        ids = self.data.train_slice_ids.numpy()
        train, validation = self.dataset.split("train"), self.dataset.split("validation")
        counts = None if train.counts is None else train.counts[ids]
        outputs.write_index(
            self.layout,
            self.dataset.space,
            sorted(heads),
            {
                "validation": _truth(validation.labels, validation.counts),
                "train": outputs.Truth(ids, train.labels[ids], counts),
            },
        )
        self.is_indexed = True

    def _warn_of_new_surroundings(self, manifest: Mapping[str, Any]) -> None:
        for key, now in _surroundings(self.device).items():
            if key in manifest and manifest[key] != now:
                self._warn(f"not bit-identical: {key} {manifest[key]} -> {now}")

    def check_fence(self) -> None:
        """Look for a later attempt, one that still waits included: this one was given up for lost.

        Raises:
            Fenced: there is one.
        """
        if max(history.attempts(self.layout), default=0) > self.number:
            raise Fenced
        with contextlib.suppress(DamagedRun):
            if read_state(self.layout).attempt > self.number:
                raise Fenced

    def check_stop(self) -> None:
        """Look for a request.

        Raises:
            Stopped: there is one, SIGTERM came, or the owner's time is up.
        """
        if self.is_asked_to_stop() or self.layout.stop_request.exists() or self.is_out_of_time():
            raise Stopped

    def is_out_of_time(self) -> bool:
        """Return whether the run has trained as long as its owner may let one (`core.jobs.quotas`)."""
        return self.stop_at is not None and time.monotonic() >= self.stop_at

    def limit_log(self) -> None:
        """Send further output nowhere once the log is large."""
        if not self.owns_output or not self.layout.log.exists():
            return
        if self.layout.log.stat().st_size > LARGEST_LOG:
            # Later calls say it to nobody.
            print(
                f"The log has reached {LARGEST_LOG >> 20} MB; what follows is left out.", flush=True
            )
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for descriptor in (1, 2):
                os.dup2(nowhere, descriptor)
            os.close(nowhere)

    def event(self, kind: str, **details: Any) -> None:
        """Append an event; a full disk may swallow it."""
        with contextlib.suppress(OSError):
            files.append_event(self.layout.events, kind, attempt=self.number, **details)


def weights_sha256(weights: Mapping[str, Any]) -> str:
    """Return the SHA-256 over names, types, shapes and bytes of tensors, in name order."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def _truth(labels: Any, counts: Any) -> outputs.Truth:
    import numpy as np

    return outputs.Truth(np.arange(len(labels), dtype=np.int64), labels, counts)


def _surroundings(device: Any) -> dict[str, Any]:
    """Return what a bit-identical resume depends on."""
    import torch

    return {
        "torch": torch.__version__,
        "device": device.type,
        "threads": torch.get_num_threads(),
        "platform": platform.machine(),
    }
