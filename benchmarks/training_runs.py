"""What whole runs cost: `python benchmarks/training_runs.py [--rounds N]`.

Real processes: a runner and its workers on a temporary runs folder, dense base on Fashion's 52,500-row table.

1. Peak memory of a run of one epoch, as the runner reads it when it reaps the worker; goal: at most 0.6 GiB.
2. Two runs queued on two slots, one thread each, against one run with two threads, in runs a wall second from submit to
   the last state, start of the processes included; goal: at least 1.25x. Wall time: a figure means little on a busy machine,
   so the load average is printed beside it.
"""

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

# The checkout's own modules, wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.datasets.base import Dataset, default_data_dir
from core.jobs.local import LocalExecutor, ensure_runner, wait
from core.jobs.slots import CPU_SLOTS_VARIABLE
from core.jobs.submit import submit
from core.runs import files, locks
from core.runs.run import Run
from core.runs.store import Store
from core.variants import run_config

NUM_EPOCHS = 8
"""Of a run in the comparison: short, as a first look at a variant is."""


def runs(store: Store, dataset: Dataset, num_runs: int, threads: int, epochs: int) -> list[Run]:
    """Queue runs and wait for them."""
    settings = {"training.max_epochs": epochs, "training.patience": 0}
    config = run_config({"name": "fashion"}, "dense-base", settings)
    executor = LocalExecutor(store, default_data_dir())
    queued = [
        submit(store, executor, dataset, config, seed, device="cpu", threads=threads)
        for seed in range(num_runs)
    ]
    for _ in wait(store, [run.id for run in queued]):
        pass
    ended = [store.run(run.id) for run in queued]
    for run in ended:
        if run.state.state != "finished":
            raise SystemExit(f"{run.id} is {run.state.state}: {run.state.message}")
    return ended


def peak_memory(store: Store, run: Run) -> int:
    """Return bytes, once the runner has reaped the worker."""
    path = run.layout.exit(run.state.attempt)
    while not path.exists():
        time.sleep(store.observer.waits.runner_poll)
    return files.read_json(path)["peak_memory"]


def shown(name: str, values: list[float], form: str = "8.3f") -> None:
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"{name:<62} {middle:{form}}   ({low:{form}} to {high:{form}})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    num_rounds = parser.parse_args().rounds
    os.environ[CPU_SLOTS_VARIABLE] = "2"
    dataset = run_config({"name": "fashion"}, "dense-base").dataset.load(default_data_dir())
    two, one = [], []
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder, "runs"))
        store.require_writable()
        runner = store.layout.runner_lock(store.observer.host)
        ensure_runner(store, default_data_dir())
        try:
            (run,) = runs(store, dataset, num_runs=1, threads=1, epochs=1)
            memory = peak_memory(store, run) / 2**30
            print(f"peak memory of a run on 52,500 rows, GiB (goal: at most 0.6) {memory:.2f}")
            for number in range(num_rounds):
                for is_two in (True, False) if number % 2 == 0 else (False, True):
                    start = time.perf_counter()
                    if is_two:
                        runs(store, dataset, num_runs=2, threads=1, epochs=NUM_EPOCHS)
                    else:
                        runs(store, dataset, num_runs=1, threads=2, epochs=NUM_EPOCHS)
                    seconds = time.perf_counter() - start
                    (two if is_two else one).append((2 if is_two else 1) / seconds)
        finally:
            if (pid := locks.holder(runner)) is not None:
                os.kill(pid, signal.SIGTERM)
            while locks.holder(runner) is not None:
                time.sleep(0.1)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"load average of 1, 5 and 15 minutes at the end: {load}")
    shown("two runs of one thread each, runs a minute", [60 * value for value in two])
    shown("one run of two threads, runs a minute", [60 * value for value in one])
    gains = [first / second for first, second in zip(two, one, strict=True)]
    shown("times as many (goal: at least 1.25)", gains, "8.2f")


if __name__ == "__main__":
    main()
