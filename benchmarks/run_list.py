"""Listing 1,000 and 10,000 runs and reading the curves of 1,000: CPU seconds, at first and with nothing new.

Run as `python benchmarks/run_list.py`. Folders are made in a temporary directory; nothing is trained. What a poll of the
page costs besides is run_poll.py; how others read the same histories is run_readers.py.
"""

import gc
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

# The checkout's own modules, wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import orjson

from core.runs.run import config_sha256
from core.runs.state import RunState, write_state
from core.runs.store import Store

SIZES = (1_000, 10_000)
NUM_EPOCHS = 200
REPEATS = 5


def make_runs(store: Store, number: int, num_epochs: int = 0) -> None:
    """Make finished runs with a config of realistic size, quicker than `Store.create` (which syncs to disk).

    Args:
        store: an empty runs folder.
        number: of runs.
        num_epochs: rows of their histories, as a network with one head writes them; 0 for none.
    """
    rows = b"".join(orjson.dumps(_row(epoch)) + b"\n" for epoch in range(1, num_epochs + 1))
    config = {
        "dataset": {"name": "digits", "split_seed": 42},
        "variant": "dense-base",
        "model": {"name": "dense", "hidden_layers": [512, 128, 128, 128]},
        "training": {f"setting_{index}": 0.001 for index in range(15)},
    }
    for index in range(number):
        run_id = (
            f"20260101-{index // 3600 % 24:02d}{index // 60 % 60:02d}{index % 60:02d}-{index:06x}"
        )
        folder = store.root / run_id
        folder.mkdir(parents=True)
        spec = {
            "schema": 1,
            "id": run_id,
            "created": 1_767_225_600.0 + index,
            "config": config,
            "config_sha256": config_sha256(config),
            "data_fingerprint": "0" * 64,
            "seed": index,
            "owner": "benchmark",
            "resources": {"device": "auto", "slots": 1, "threads": 1},
        }
        (folder / "run.json").write_bytes(orjson.dumps(spec))
        state = RunState(
            "finished", epoch=30, epochs=30, best_epoch=20, best_validation_accuracy=0.9
        )
        (folder / "state.json").write_bytes(orjson.dumps(state.to_json()))
        if num_epochs:
            (folder / "history.jsonl").write_bytes(rows)
            (folder / "attempts").mkdir()
            (folder / "attempts" / "0001.json").write_bytes(b'{"attempt": 1, "from_epoch": 1}')


def _row(epoch: int) -> dict[str, float]:
    accuracy = 1 - 1 / (epoch + 1)
    metrics = {
        f"{split}_{name}": value + share
        for split, share in (("train", 0.0), ("train_eval", 0.01), ("validation", 0.02))
        for name, value in (("loss", 1 / epoch), ("accuracy", accuracy))
    }
    return {
        "attempt": 1,
        "epoch": epoch,
        "step": 124 * epoch,
        "time": 1.7e9 + epoch / 7,
        "stage": 0,
        "learning_rate": 0.001 / epoch,
        "epoch_seconds": 10 / 7,
        **metrics,
        "samples": 31_500,
        "samples_per_second": 22_050.7,
        "peak_memory": 442_368_000,
    }


def cpu_seconds(work) -> float:
    """Return the CPU seconds of this process that a call takes."""
    before = time.process_time()
    work()
    return time.process_time() - before


def main() -> None:
    """Print the table."""
    print(
        f"{'runs':>7} {'first':>8} {'nothing new':>12} {'one changed':>12}   CPU seconds, median of {REPEATS}"
    )
    for number in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            make_runs(Store(Path(folder)), number)
            first = statistics.median(cpu_seconds(Store(Path(folder)).runs) for _ in range(REPEATS))
            store = Store(Path(folder))
            run = store.runs()[0]
            again = statistics.median(cpu_seconds(store.runs) for _ in range(REPEATS))
            changed = []
            for epoch in range(REPEATS):
                write_state(run.layout, RunState("stopped", epoch=epoch))
                changed.append(cpu_seconds(store.runs))
            print(f"{number:>7} {first:8.3f} {again:12.3f} {statistics.median(changed):12.3f}")
    curves()
    print(f"{os.cpu_count()} cores, one thread used, load {os.getloadavg()[0]:.1f}")


def curves() -> None:
    """Print what all curves of the smaller list cost, first and with nothing new, as the pages read them."""
    from dashboard import data

    # As the server does once it is up, so that what it has imported is not looked through again and again.
    gc.collect()
    gc.freeze()
    with tempfile.TemporaryDirectory() as folder:
        make_runs(Store(Path(folder)), SIZES[0], NUM_EPOCHS)
        runs = Store(Path(folder)).runs()
        first, again = [], []
        for _ in range(REPEATS):
            data._histories.clear()
            first.append(cpu_seconds(lambda: [data.history(run) for run in runs]))
            again.append(cpu_seconds(lambda: [data.history(run) for run in runs]))
    print(f"curves of {SIZES[0]:,} runs x {NUM_EPOCHS} epochs, CPU seconds, median of {REPEATS}")
    print(f"first {statistics.median(first):.3f}, nothing new {statistics.median(again):.3f}")


if __name__ == "__main__":
    main()
