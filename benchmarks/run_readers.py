"""Reading the curves of all runs: ours, TensorBoard's event files, MLflow's sqlite, the same histories in one run.

Run as `python benchmarks/run_readers.py [--python OTHER] [--runs N] [--rounds N]`. The peers need not be installed here:
`--python` names an interpreter that has tensorboard or mlflow (with sqlalchemy); one that is missing is said and left
out. Each reading is a process of its own, the readers take turns; CPU seconds, imports left out. Nothing is trained.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# The checkout's own modules, wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.run_list import make_runs
from core.runs.store import Store

NUM_EPOCHS = 200
PEERS = ("tensorboard", "mlflow")
PROGRAM = Path(__file__).with_name("run_readers_peers.py")


def read_ours(root: Path) -> tuple[float, int]:
    """Return the CPU seconds of listing all runs and reading their curves, and how many values they are."""
    before = time.process_time()
    histories = [run.history() for run in Store(root).runs()]
    seconds = time.process_time() - before
    curves = ("train", "validation")
    return seconds, sum(key.startswith(curves) for rows in histories for row in rows for key in row)


def output(*command: object) -> str:
    """Return what a process prints; what it says beside that is not shown."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    return done.stdout


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", default=sys.executable, help="Interpreter that has the peers.")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.ours:
        print(json.dumps(read_ours(chosen.ours)))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "runs"
        make_runs(Store(root), chosen.runs, num_epochs=NUM_EPOCHS)
        commands = {"petridish": [sys.executable, "-m", "benchmarks.run_readers", "--ours", root]}
        for peer in PEERS:
            there = Path(folder) / peer
            try:
                output(chosen.python, PROGRAM, "write", peer, root, there)
            except subprocess.CalledProcessError as error:
                why = error.stderr.strip().splitlines()[-1]
                print(f"{peer} is left out: {why}. Give an interpreter that has it by --python.")
                continue
            commands[peer] = [chosen.python, PROGRAM, "read", peer, root, there]
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        numbers = set()
        for _ in range(chosen.rounds):
            for name, command in commands.items():
                taken, number = json.loads(output(*command).splitlines()[-1])
                seconds[name].append(taken)
                numbers.add(number)
        print(f"{chosen.runs:,} runs x {NUM_EPOCHS} epochs, {max(numbers):,} values in all")
        assert len(numbers) == 1, numbers
        print(f"{'reader':<12} {'CPU s':>8} {'times ours (least, most)':>28}")
        for name, taken in seconds.items():
            ratios = [one / own for one, own in zip(taken, seconds["petridish"], strict=True)]
            ratio = f"{statistics.median(ratios):.1f} ({min(ratios):.1f}, {max(ratios):.1f})"
            print(f"{name:<12} {statistics.median(taken):8.3f} {ratio:>28}")
    print(f"median of {chosen.rounds}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
