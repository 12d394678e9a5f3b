"""TASKS: what the analyst can be asked to do, each a function of plain arguments that reports its progress.

Apart from `analyst.py`, which knows processes and files and nothing of what they compute. Everything dear is imported
where it is needed.
"""

import contextlib
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.exceptions import InvalidInput
from core.jobs import (
    analysis_tasks,
    export_task,
    hand_in_task,
    predict_task,
    resampling_task,
)
from core.registry import Registry

if TYPE_CHECKING:
    from core.datasets.base import Dataset

Progress = Callable[[float, str], None]
"""Told the share that is done, in [0, 1], and what is being done, in words."""

UPLOADS = "uploads"
"""Folder below the data folder for what was uploaded and is not imported yet."""
STALE_SECONDS = 86_400


@dataclass(frozen=True)
class Task:
    """Something to be done in the background.

    Attributes:
        work: does it, from plain arguments and the data folder, and returns what is fit for JSON.
        result_lasts: whether the result of before answers the same question again. What changes the data folder is done
            again each time that it is asked for.
    """

    work: Callable[[Mapping[str, Any], Path, Progress], Any]
    result_lasts: bool


def upload_folder(data_dir: Path, name: str) -> Path:
    """Return an empty folder for uploaded files, which the import of them removes; forget those of before yesterday.

    Args:
        data_dir: folder of the data sets.
        name: of the folder, hexadecimal digits.
    """
    uploads = data_dir / UPLOADS
    folder = uploads / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    for left in uploads.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
    return folder


def _fetch(arguments: Mapping[str, Any], data_dir: Path, progress: Progress) -> Any:
    """Bring a data set's files: name, and source (None for the known ones). Gives its name."""
    from core.datasets.fetching import fetch_dataset

    fetch_dataset(arguments["name"], data_dir, arguments.get("source"), progress)
    return {"name": arguments["name"]}


def _import(arguments: Mapping[str, Any], data_dir: Path, progress: Progress) -> Any:
    """Import a path: path, name, kind (None to recognise it), options, upload (folder to remove after). Gives its name."""
    from core.datasets.importing import import_dataset
    from core.datasets.raw import ImportOptions

    try:
        options = ImportOptions.checked(arguments.get("options", {}))
        path, name = Path(arguments["path"]), arguments["name"]
        import_dataset(path, name, arguments.get("kind"), options, data_dir, progress)
        return {"name": name}
    finally:
        if arguments.get("upload"):
            shutil.rmtree(data_dir / UPLOADS / arguments["upload"], ignore_errors=True)


def _map(arguments: Mapping[str, Any], data_dir: Path, progress: Progress) -> Any:
    """Lay images out by t-SNE: dataset (settings), fingerprint, split, num_samples, seed. Gives split, sample_id, x, y."""
    from core.datasets.projection import tsne_map

    dataset = _dataset(arguments, data_dir)
    progress(0.02, "Laying out the images")
    table = None
    for found in tsne_map(
        dataset, arguments.get("split"), arguments["num_samples"], arguments["seed"]
    ):
        table = found.table
        progress(0.02 + 0.98 * found.progress, "Laying out the images")
    assert table is not None  # it yields at least one map
    return {name: table[name].tolist() for name in ("split", "sample_id", "x", "y")}


def _near(arguments: Mapping[str, Any], data_dir: Path, progress: Progress) -> Any:
    """Find near-duplicates: dataset (settings), fingerprint, least_correlation. Gives the table's columns and verdict."""
    from core.datasets.duplicates import near_duplicates

    dataset = _dataset(arguments, data_dir)
    progress(0.1, "Comparing the images")
    found = near_duplicates(dataset, arguments["least_correlation"])
    columns = {name: found.table[name].tolist() for name in found.table.columns}
    return {"table": columns, "verdict": found.verdict}


def _probe(arguments: Mapping[str, Any], data_dir: Path, progress: Progress) -> Any:
    """Train each of some runs for seconds: runs, each with config and fingerprint. Gives what `probe` says of each."""
    from core.config import RunConfig
    from core.jobs.estimate import probe

    found = []
    for number, values in enumerate(arguments["runs"]):
        config = RunConfig.checked(values["config"])
        progress(number / len(arguments["runs"]), f"Training {config.variant} for 2 s")
        dataset = _dataset({**values, "dataset": values["config"]["dataset"]}, data_dir)
        found.append(probe(config, dataset))
    return found


def _dataset(arguments: Mapping[str, Any], data_dir: Path) -> "Dataset":
    from core.datasets import dataset_source

    settings = arguments["dataset"]
    source = type(dataset_source(settings["name"], data_dir)).checked(settings)
    dataset = source.load(data_dir)
    if dataset.fingerprint != arguments["fingerprint"]:
        raise InvalidInput(
            f"The data set {settings['name']!r} has changed since this was asked for. Open it again."
        )
    return dataset


TASKS: Registry[Task] = Registry(
    "task",
    {
        "fetch": Task(_fetch, result_lasts=False),
        "import": Task(_import, result_lasts=False),
        "map": Task(_map, result_lasts=True),
        "near": Task(_near, result_lasts=True),
        "probe": Task(_probe, result_lasts=True),
        # What they give lies in the run's folder and may be deleted there, so each question is a new one.
        "features": Task(analysis_tasks.training_features, result_lasts=False),
        "embedding": Task(analysis_tasks.layer_map, result_lasts=False),
        "robustness": Task(analysis_tasks.robustness_of_runs, result_lasts=False),
        "units": Task(analysis_tasks.layer_units, result_lasts=False),
        resampling_task.TASK: Task(resampling_task.resample_runs, result_lasts=True),
        predict_task.TASK: Task(predict_task.predict_images, result_lasts=False),
        export_task.TASK: Task(export_task.write_export, result_lasts=False),
        hand_in_task.TASK: Task(hand_in_task.write_report, result_lasts=False),
    },
)
