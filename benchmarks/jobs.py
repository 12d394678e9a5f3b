"""How soon a run runs, and how soon a death shows: `python benchmarks/jobs.py`.

Real processes with the usual waits (but a heartbeat each 5 ms, to see the first step), on the digits, one run at a time;
`--repeats N` for more or fewer. Prints medians, with the least and the most: seconds from submit to the state running and
to the first training step, with no runner alive (cold) and with a warm process ready (warm); from submit to the first
epoch; from SIGKILL of the worker to the state crashed, and to the signal's number in its message; MiB of the runner and
of its warm process.
"""

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

# The checkout's own modules, wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil

from core.jobs.local import LocalExecutor
from core.jobs.submit import submit
from core.runs import locks
from core.runs.run import Run
from core.runs.state import read_beat
from core.runs.store import Store
from core.runs.waits import VARIABLE
from core.variants import run_config


def seconds_until(condition: Callable[[], object]) -> float:
    start = time.perf_counter()
    while not condition():
        time.sleep(0.002)
    return time.perf_counter() - start


def state_of(store: Store, run: Run) -> str:
    return store.run(run.id).state.state


def has_stepped(run: Run) -> bool:
    return read_beat(run.layout).get("step", 0) > 0


def warm_process(runner: psutil.Process, log: Path) -> psutil.Process | None:
    """Return the runner's warm process once it is ready."""
    for child in runner.children():
        if f"warm process {child.pid} is ready" in log.read_text():
            return child
    return None


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def shown(name: str, values: list[float], form: str = "8.3f") -> None:
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"{name:<66} {middle:{form}}   ({low:{form}} to {high:{form}})")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=7)
    num_repeats = parser.parse_args().repeats
    os.environ[VARIABLE] = json.dumps({"beat": 0.005, "progress": 0.01})
    values: dict[str, list[float]] = defaultdict(list)
    # An epoch of a second or so: there is time to kill the worker within one.
    settings = {"training.batch_size": 1, "training.max_epochs": 1000, "training.patience": 0}
    config = run_config({"name": "digits"}, "conv-base-padded", settings)
    with tempfile.TemporaryDirectory() as folder:
        store, data_dir = Store(Path(folder, "runs")), Path(folder, "data")
        dataset = config.dataset.load(data_dir)
        executor = LocalExecutor(store, data_dir)
        runner_lock = store.layout.runner_lock(store.observer.host)
        runner_log = store.layout.runner_log(store.observer.host)
        for repeat in range(2 * num_repeats):
            is_cold = repeat % 2 == 0
            manner = "cold" if is_cold else "warm"
            if is_cold and (runner := locks.holder(runner_lock)) is not None:
                kill(runner)
                seconds_until(lambda: locks.holder(runner_lock) is None)
            start = time.perf_counter()
            run = submit(store, executor, dataset, config, seed=repeat, device="cpu")
            seconds_until(lambda run=run: state_of(store, run) == "running")
            values[f"{manner} running"].append(time.perf_counter() - start)
            seconds_until(lambda run=run: has_stepped(run))
            values[f"{manner} step"].append(time.perf_counter() - start)
            seconds_until(lambda run=run: store.run(run.id).state.epoch >= 1)
            values[f"{manner} epoch"].append(time.perf_counter() - start)
            runner = psutil.Process(locks.holder(runner_lock))
            values["runner"].append(runner.memory_info().rss / 2**20)
            seconds_until(lambda runner=runner: warm_process(runner, runner_log))
            ready = warm_process(runner, runner_log)
            assert ready is not None
            values["warm process"].append(ready.memory_info().rss / 2**20)
            kill(locks.holder(run.layout.alive_lock))
            crashed = seconds_until(lambda run=run: state_of(store, run) == "crashed")
            values["crashed"].append(crashed)
            explained = seconds_until(
                lambda run=run: "signal 9" in (store.run(run.id).state.message or "")
            )
            values["explained"].append(crashed + explained)
        kill(locks.holder(runner_lock))
        seconds_until(lambda: locks.holder(runner_lock) is None)
    for what in ("running", "step", "epoch"):
        name = {"step": "the first step", "epoch": "the first epoch (1,078 steps)"}.get(what, what)
        shown(f"submit to {name}, no runner alive, seconds", values[f"cold {what}"])
        shown(f"submit to {name}, warm, seconds", values[f"warm {what}"])
    shown("SIGKILL of the worker to crashed, seconds", values["crashed"])
    shown("SIGKILL of the worker to its signal in words, seconds", values["explained"])
    shown("memory of the runner, MiB", values["runner"], "8.1f")
    shown("memory of the warm process, MiB", values["warm process"], "8.1f")


if __name__ == "__main__":
    main()
