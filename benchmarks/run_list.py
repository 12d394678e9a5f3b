"""Listing 1,000 and 10,000 runs: CPU seconds of the first call, of a poll with nothing new, and after one change.

Run as `python -m benchmarks.run_list`. Folders are made in a temporary directory; nothing is trained.
"""

import os
import statistics
import tempfile
import time
from pathlib import Path

from core.runs.run import config_sha256
from core.runs.state import RunState, write_state
from core.runs.store import Store

SIZES = (1_000, 10_000)
REPEATS = 5


def make_runs(store: Store, number: int) -> None:
    """Make finished runs with a config of realistic size, quicker than `Store.create` (which syncs to disk)."""
    import orjson

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
    print(f"{os.cpu_count()} cores, one thread used")


if __name__ == "__main__":
    main()
