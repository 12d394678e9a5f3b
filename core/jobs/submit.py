"""submit(): from settings to a queued run, everything checked before anything is written."""

import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from core.config import RunConfig
from core.datasets.base import Dataset
from core.exceptions import InvalidParameter
from core.jobs.checks import check, notes, notes_of_all
from core.jobs.executor import Executor
from core.jobs.quotas import require_room
from core.jobs.retries import MOST_RETRIES
from core.runs.host import user_name
from core.runs.run import Run, config_sha256
from core.runs.store import Store
from core.runs.text import clean_text
from core.training import device as devices

LARGEST_THREADS = 1024


def submit(
    store: Store,
    executor: Executor,
    dataset: Dataset,
    config: RunConfig,
    seed: int,
    *,
    name: str | None = None,
    suite: str | None = None,
    owner: str | None = None,
    device: str = "auto",
    threads: int = 1,
    parent: str | None = None,
    retries: int = 0,
) -> Run:
    """Create a run and hand it to an executor.

    Args:
        store: where the run goes.
        executor: who gets it executed.
        dataset: what `config.dataset` loads; its fingerprint is recorded and checked by the worker.
        config: what to do.
        seed: of weights, order and everything drawn.
        name: what the user calls it.
        suite: the suite that it belongs to.
        owner: whose run it is; the user of the operating system by default.
        device: "auto", "cpu", "cuda" or "mps".
        threads: of torch.
        parent: id of the run that it was cloned from.
        retries: how often it goes on by itself after a restart of the machine.

    Raises:
        InvalidInput: the settings, the data, the device and the folder do not allow it; nothing was written.
        NotAllowed: the owner may start no runs, or would exceed a limit; nothing was written.
    """
    check(dataset, config, seed)
    _check_resources(device, threads)
    owner = clean_text(owner or user_name())
    require_room(store, owner, [config.max_epochs])
    if not 0 <= retries <= MOST_RETRIES:
        raise InvalidParameter(f"retries must lie in [0, {MOST_RETRIES}]; got {retries}.")
    run = store.create(
        {
            "name": clean_text(name) if name else None,
            "owner": owner,
            "config": config.to_json(),
            "data_fingerprint": dataset.fingerprint,
            "seed": seed,
            "suite": suite,
            "resources": {"device": device, "slots": 1, "threads": threads},
            "executor": executor.name,
            "parent": parent,
            "retries": retries,
            "env": environment(),
        },
        epochs=config.max_epochs,
    )
    executor.submit(run, attempt=1)
    return run


def _check_resources(device: str, threads: int) -> None:
    if device != "auto":
        devices.choose(device)
    if not 1 <= threads <= LARGEST_THREADS:
        raise InvalidParameter(f"threads must lie in [1, {LARGEST_THREADS}]; got {threads}.")


@dataclass(frozen=True)
class Submitted:
    """What a submission gave.

    Attributes:
        runs: all runs asked for, in order, reused ones included.
        reused: those that had been submitted before.
        notes: what is worth knowing of them, in sentences, each once; with the variants where not all have it.
    """

    runs: tuple[Run, ...]
    reused: tuple[Run, ...]
    notes: tuple[str, ...] = ()


def submit_all(
    store: Store,
    executor: Executor,
    data_dir: Path,
    configs: Sequence[RunConfig],
    seeds: Sequence[int],
    *,
    reuse: Sequence[str] = ("finished",),
    names: Sequence[str | None] | None = None,
    **options: Any,
) -> Submitted:
    """Submit each config with each seed, after checking all of them.

    Args:
        store: where the runs go.
        executor: who gets them executed.
        data_dir: folder of the data sets.
        configs: what to do.
        seeds: each config is run with each.
        reuse: a run in one of these states that is equal is taken instead of a new one.
        names: what the user calls the runs of each config, where they differ.
        options: of `submit`.

    Raises:
        InvalidInput: one of them cannot be done; nothing was written.
        NotAllowed: the owner may start no runs, or would exceed a limit; nothing was written.
    """
    loaded = {config.dataset: config.dataset.load(data_dir) for config in configs}
    called: list[dict[str, Any]] = [{"name": name} for name in names or ()] or [{} for _ in configs]
    wanted = [
        (loaded[config.dataset], config, seed, options | more)
        for seed in seeds
        for config, more in zip(configs, called, strict=True)
    ]
    for dataset, config, seed, _ in wanted:
        check(dataset, config, seed)
    known = [run for run in store.runs() if run.state.state in reuse]
    done_before = [equal_run(known, dataset, config, seed) for dataset, config, seed, _ in wanted]
    new = [one[1].max_epochs for one, before in zip(wanted, done_before, strict=True) if not before]
    if new:
        # All of them or none: a limit must not be met in the middle.
        require_room(store, clean_text(options.get("owner") or user_name()), new)
    runs: list[Run] = []
    reused: list[Run] = []
    for (dataset, config, seed, chosen), before in zip(wanted, done_before, strict=True):
        if before is not None:
            reused.append(before)
        runs.append(before or submit(store, executor, dataset, config, seed, **chosen))
    said = notes_of_all([(one.variant, notes(loaded[one.dataset], one)) for one in configs])
    return Submitted(tuple(runs), tuple(reused), tuple(said))


def equal_run(runs: Sequence[Run], dataset: Dataset, config: RunConfig, seed: int) -> Run | None:
    """Return the newest of some runs that has the same settings, seed and pixels, or None."""
    wanted = config_sha256(config.to_json())
    for run in runs:
        if (
            run.damaged is None
            and run.spec["config_sha256"] == wanted
            and run.seed == seed
            and run.spec["data_fingerprint"] == dataset.fingerprint
        ):
            return run
    return None


@cache
def environment() -> dict[str, Any]:
    """Return what a run's result depends on beside its settings: versions, platform, source revision."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "core": metadata.version("petridish"),
        "git": _revision(),
        "platform": platform.platform(),
    }


def _revision() -> str | None:
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
