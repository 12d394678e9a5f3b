"""How good the variants are, and at what cost: `python benchmarks/accuracy.py [--runs DIR] [--seeds 0-2] [GROUP ...]`.

Each group's runs are queued as a user's would be, two at a time on two cores, one thread each, and reused when they are
there already. What they reached is printed and written to `benchmarks/accuracy_results.json`, every seed by itself, with
the machine, beside the goals and the reference studies' figures (context: the Fashion study's images differ from ours).

    fashion-net    the improved net on Fashion at the reference split
    fashion-study  dense base, conv base, conv batch norm at the study's settings, each image as four copies
    shapes-net     the improved net on shapes, 9,000 for training, measured on 10,000 further generated images
    shapes-study   the study's body in its three regimes, at most 15 epochs

Test accuracy is that of the best weights by validation, of stored outputs. CPU seconds are of the whole worker process:
imports, data, training, evaluation after each epoch, results.
"""

import argparse
import os
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import torch

# The checkout's own modules, wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.config import RunConfig, parsed_seeds
from core.datasets.base import default_data_dir
from core.datasets.shapes import Shapes
from core.evaluation.summary import evaluation
from core.inference import Predictor
from core.jobs.local import LocalExecutor, wait
from core.jobs.submit import submit_all
from core.predictions import Predictions
from core.runs import files, history
from core.runs.run import Run
from core.runs.store import Store
from core.variants import SUITES, run_config

RESULTS = Path(__file__).with_name("accuracy_results.json")

SHAPES = {"name": "shapes", "images": 11_250}  # the train split of 80 % holds 9,000
FURTHER = Shapes(images=100_000, seed=1)  # its test split holds 10,000 that no run has seen

GOALS = {
    "fashion-net": "test accuracy >= 0.915 in <= 450 CPU s",
    "shapes-net": "top-1 >= 0.69, averaged >= 0.74, RMSE averaged <= 0.48 in <= 700 CPU s",
}
STUDY = {
    "dense-base": "validation 0.821 (last epoch)",
    "conv-base": "validation 0.872 (last epoch)",
    "conv-batch-norm": "validation 0.879 (last epoch)",
    "shapes-classes": "test 0.428, macro F1 0.378",
    "shapes-combined": "test 0.437, macro F1 0.413",
}


def configs(group: str) -> list[RunConfig]:
    match group:
        case "fashion-net":
            return [run_config({"name": "fashion"}, "fashion-net")]
        case "fashion-study":
            entries = {one.variant: one for one in SUITES["fashion-all"].entries}
            wanted = [entries[name] for name in ("dense-base", "conv-base", "conv-batch-norm")]
            return [run_config(one.dataset, one.variant, one.overrides) for one in wanted]
        case "shapes-net":
            return [run_config(SHAPES, "shapes-net")]
        case "shapes-study":
            names = [one.variant for one in SUITES["shapes-regimes"].entries]
            return [run_config(SHAPES, name, {"training.max_epochs": 15}) for name in names]
    raise SystemExit(f"No group is called {group!r}.")


GROUPS = ("fashion-net", "fashion-study", "shapes-net", "shapes-study")


def facts(run: Run) -> dict[str, Any]:
    """Return what a finished run reached and what it cost."""
    rows = history.history(run.layout)
    # A worker that outlived its runner has no exit file: its cost is then not known.
    paths = [run.layout.exit(number) for number in history.attempts(run.layout)]
    exits = [files.read_json(path) for path in paths if path.exists()]
    test = evaluation(run.predictions("test"))
    found = {
        "run": run.id,
        "variant": run.variant,
        "seed": run.seed,
        "epochs": len(rows),
        "best_epoch": run.state.best_epoch,
        "validation_accuracy": run.state.best_validation_accuracy,
        "test_accuracy": test["accuracy"],
        "test_low": test["accuracy_low"],
        "test_high": test["accuracy_high"],
        "macro_f1": test["macro_f1"],
        "cpu_seconds": None,
        "peak_memory_mib": None,
    }
    if len(exits) == len(paths) and all("cpu_seconds" in one for one in exits):
        found["cpu_seconds"] = round(sum(one["cpu_seconds"] for one in exits), 1)
        found["peak_memory_mib"] = round(max(one["peak_memory"] for one in exits) / 2**20)
    if run.dataset != "shapes":
        return found
    dead = rows[-1]["dead_share"]
    found["dead_share"] = {name: round(share, 3) for name, share in dead.items()}
    found["count_loss_share"] = rows[-1].get("count_loss_share")
    return found | {"further": further(run)}


def further(run: Run) -> dict[str, Any]:
    """Return what a run says of the further images, plain and averaged over the eight symmetries."""
    dataset = FURTHER.load(default_data_dir())
    split, predictor = dataset.split("test"), Predictor.load(run)
    found: dict[str, Any] = {"images": len(split)}
    for averaging in ("none", "symmetries"):
        logits, counts = predictor.predict(split.images, averaging=averaging)
        said = evaluation(
            Predictions(
                dataset.space,
                np.arange(len(split)),
                split.labels,
                logits,
                None if split.counts is None else split.counts.astype(np.float32),
                counts,
            )
        )
        pairs = said["per_pair"]
        found[averaging] = {
            "accuracy": said["accuracy"],
            "low": said["accuracy_low"],
            "high": said["accuracy_high"],
            "macro_f1": said["macro_f1"],
            "counts": said["counts"],
            "per_pair": {row["pair"]: round(row["accuracy"], 4) for row in pairs},
        }
    return found


def shown(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print each run, and each variant's mean."""
    by_variant: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_variant.setdefault(row["variant"], []).append(row)
    for variant, members in by_variant.items():
        context = GOALS.get(variant) or STUDY.get(variant) or "no figure in the study"
        print(f"\n{variant} ({context})")
        for row in members:
            print(
                f"  seed {row['seed']}: test {row['test_accuracy']:.4f}, macro F1 {row['macro_f1']:.4f}, "
                f"best epoch {row['best_epoch']} of {row['epochs']}, {row['cpu_seconds']} CPU s, "
                f"{row['peak_memory_mib']} MiB"
            )
            for averaging, said in (row.get("further") or {}).items():
                if averaging != "images":
                    rmse = said["counts"] and said["counts"]["rmse"]
                    print(
                        f"    further images, averaging {averaging}: {said['accuracy']:.4f}, "
                        f"macro F1 {said['macro_f1']:.4f}, RMSE {rmse}"
                    )
        mean = statistics.mean(row["test_accuracy"] for row in members)
        costs = [row["cpu_seconds"] for row in members if row["cpu_seconds"] is not None]
        most = f"; most CPU s {max(costs):.0f}" if costs else ""
        print(f"  mean of {len(members)}: test {mean:.4f}{most}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("groups", nargs="*", default=GROUPS, metavar="GROUP")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--seeds", default="0-2")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    store, data_dir = Store(chosen.runs), default_data_dir()
    runs: list[Run] = []
    for group in chosen.groups:
        runs += submit_all(
            store,
            LocalExecutor(store, data_dir),
            data_dir,
            configs(group),
            parsed_seeds(chosen.seeds),
            reuse=("finished", "queued", "starting", "running"),
            suite=f"accuracy-{group}",
        ).runs
    for run in wait(store, [run.id for run in runs]):
        print(f"{run.id} {run.title}: {run.state.state}, epoch {run.state.epoch}", file=sys.stderr)
    ended = [store.run(run.id) for run in runs]
    unfinished = [run.id for run in ended if run.state.state != "finished"]
    rows = [facts(run) for run in ended if run.id not in unfinished]
    shown(rows)
    before = orjson.loads(RESULTS.read_bytes())["runs"] if RESULTS.exists() else []
    kept = [row for row in before if row["run"] not in {one["run"] for one in rows}]
    document = {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "torch": torch.__version__,
        "goals": GOALS,
        "study": STUDY,
        "runs": kept + rows,
    }
    RESULTS.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    if unfinished:
        raise SystemExit(f"Not finished: {', '.join(unfinished)}")


if __name__ == "__main__":
    main()
