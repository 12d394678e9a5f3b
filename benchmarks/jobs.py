"""How soon a run runs, and how soon a death shows: `python benchmarks/jobs.py`.

Real processes with the usual waits, on the digits, one run at a time. Prints medians, with the least and the most:
seconds from submit to the state running, with no runner alive (cold) and with one; from submit to the first epoch; from
SIGKILL of the worker to the state crashed, and to the signal's number in its message; MiB of the runner.
"""

import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# The checkout's own modules, wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil

from core.jobs.local import LocalExecutor
from core.jobs.submit import submit
from core.runs import locks
from core.runs.run import Run
from core.runs.store import Store
from core.variants import run_config

NUM_REPEATS = 7


def seconds_until(condition: Callable[[], object]) -> float:
    start = time.perf_counter()
    while not condition():
        time.sleep(0.002)
    return time.perf_counter() - start


def state_of(store: Store, run: Run) -> str:
    return store.run(run.id).state.state


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def shown(name: str, values: list[float], form: str = "8.3f") -> None:
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"{name:<58} {middle:{form}}   ({low:{form}} to {high:{form}})")


def main() -> None:
    names = ("cold", "warm", "first epoch", "crashed", "explained", "runner")
    values: dict[str, list[float]] = {name: [] for name in names}
    # An epoch of a second or so: there is time to kill the worker within one.
    settings = {"training.batch_size": 1, "training.max_epochs": 1000, "training.patience": 0}
    config = run_config({"name": "digits"}, "conv-base-padded", settings)
    with tempfile.TemporaryDirectory() as folder:
        store, data_dir = Store(Path(folder, "runs")), Path(folder, "data")
        dataset = config.dataset.load(data_dir)
        executor = LocalExecutor(store, data_dir)
        runner_lock = store.layout.runner_lock(store.observer.host)
        for repeat in range(2 * NUM_REPEATS):
            is_cold = repeat % 2 == 0
            if is_cold and (runner := locks.holder(runner_lock)) is not None:
                kill(runner)
                seconds_until(lambda: locks.holder(runner_lock) is None)
            start = time.perf_counter()
            run = submit(store, executor, dataset, config, seed=repeat, device="cpu")
            seconds_until(lambda run=run: state_of(store, run) == "running")
            values["cold" if is_cold else "warm"].append(time.perf_counter() - start)
            seconds_until(lambda run=run: store.run(run.id).state.epoch >= 1)
            values["first epoch"].append(time.perf_counter() - start)
            runner = psutil.Process(locks.holder(runner_lock))
            values["runner"].append(runner.memory_info().rss / 2**20)
            kill(locks.holder(run.layout.alive_lock))
            crashed = seconds_until(lambda run=run: state_of(store, run) == "crashed")
            values["crashed"].append(crashed)
            explained = seconds_until(
                lambda run=run: "signal 9" in (store.run(run.id).state.message or "")
            )
            values["explained"].append(crashed + explained)
        kill(locks.holder(runner_lock))
        seconds_until(lambda: locks.holder(runner_lock) is None)
    shown("submit to running, no runner alive, seconds", values["cold"])
    shown("submit to running, runner alive, seconds", values["warm"])
    shown("submit to the end of the first epoch (1,078 steps), seconds", values["first epoch"])
    shown("SIGKILL of the worker to crashed, seconds", values["crashed"])
    shown("SIGKILL of the worker to its signal in words, seconds", values["explained"])
    shown("memory of the runner, MiB", values["runner"], "8.1f")


if __name__ == "__main__":
    main()
