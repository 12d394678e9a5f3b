"""The task "predict": a file of images in, `results.csv` and the images worth showing out, in a folder of its own.

Apart from `analyst_tasks` because page and task share what lies in that folder. It is forgotten after a day, as uploads
are; what is to be kept is downloaded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.exceptions import CoreError, UnknownName
from core.runs import files

if TYPE_CHECKING:
    from core.datasets.likeness import Likeness
    from core.results import Gallery, Shown
    from core.runs.run import Run

TASK = "predict"
TABLE = "results.csv"
_IMAGES = "shown.npy"
_HEXADECIMAL = frozenset("0123456789abcdef")


def predict_images(
    arguments: Mapping[str, Any], data_dir: Path, progress: Callable[[float, str], None]
) -> Any:
    """Predict a file with the mean of some runs.

    Args:
        arguments: runs_dir, runs (ids), path, folder (name of an `upload_folder`), columns (of `ResultColumns`),
            averaging, is_inverted, skip_unreadable.
        data_dir: folder of the data sets.
        progress: told the share that is done.

    Returns:
        runs (ids of those that answered), images, without_answer, per_class (K numbers), class_names, count_names,
        warnings, notes, seconds, first and least_certain: lists of {position, id, label, confidence (null without an
        answer), counts, at}, where `at` is the image's place in `Predicted.images`.
    """
    from core.ensemble import Ensemble
    from core.results import ResultColumns, predict_file
    from core.runs.store import Store

    store = Store(Path(arguments["runs_dir"]))
    runs = [store.run(run_id) for run_id in arguments["runs"]]
    folder = folder_of(data_dir, arguments["folder"])
    ensemble = Ensemble.load(runs, data_dir)
    said: list[str] = []
    found = predict_file(
        ensemble,
        Path(arguments["path"]),
        folder / TABLE,
        columns=ResultColumns(**arguments["columns"]),
        averaging=arguments["averaging"],
        training=training_likeness(runs[0], data_dir),
        skip_unreadable=arguments["skip_unreadable"],
        is_inverted=arguments["is_inverted"],
        force=True,
        progress=lambda share, what: progress(share, " ".join([what, *said])),
        warn=lambda sentence: said.append(f"Beware: {sentence}"),
    )
    images: list[NDArray[np.uint8]] = []
    first = [_plain(one, images) for one in found.gallery.first]
    least = [_plain(one, images) for one in _least_certain(found.gallery, found.per_class)]
    np.save(folder / _IMAGES, np.stack(images), allow_pickle=False)
    return {
        "runs": [run.id for run in runs],
        "images": found.num_images,
        "without_answer": found.num_without_answer,
        "per_class": found.per_class.tolist(),
        "class_names": list(ensemble.space.class_names),
        "count_names": list(ensemble.space.count_names),
        "warnings": list(found.warnings),
        "notes": list(found.notes),
        "seconds": found.seconds,
        "first": first,
        "least_certain": least,
    }


@dataclass(frozen=True)
class Predicted:
    """What lies in the folder of a task that is done.

    Attributes:
        table: path of `results.csv`.
        images: (N, C, H, W) uint8, memory-mapped.
    """

    table: Path
    images: NDArray[np.uint8]


def predicted(data_dir: Path, name: str) -> Predicted:
    """Return what a finished task left.

    Raises:
        UnknownName: there is no such folder any more, or it is no folder of ours.
    """
    folder = folder_of(data_dir, name)
    try:
        images = np.load(folder / _IMAGES, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        raise UnknownName("prediction", name[:40], ()) from None
    if not (folder / TABLE).is_file():
        raise UnknownName("prediction", name[:40], ())
    return Predicted(folder / TABLE, images)


def folder_of(data_dir: Path, name: str) -> Path:
    """Return the folder of an upload by its name.

    Raises:
        UnknownName: the name is not one that `upload_folder` is given.
    """
    from core.jobs.analyst_tasks import UPLOADS

    # It comes back in the URL of a page.
    if not name or len(name) > 64 or not set(name) <= _HEXADECIMAL:
        raise UnknownName("prediction", name[:40], ())
    return data_dir / UPLOADS / name


def training_likeness(run: "Run", data_dir: Path) -> "Likeness | None":
    """Return what a run's training images look like, or None where they are gone."""
    from core.config import RunConfig
    from core.datasets.likeness import Likeness

    try:
        dataset = RunConfig.checked(run.config).dataset.load(data_dir)
    except (CoreError, OSError):
        return None
    return Likeness.of(dataset.split("train").images)


def _least_certain(gallery: "Gallery", per_class: NDArray[np.int64]) -> "list[Shown]":
    return [one for label in range(len(per_class)) for one in gallery.least_certain(label)]


def _plain(one: "Shown", images: list[NDArray[np.uint8]]) -> dict[str, Any]:
    images.append(one.image)
    return files.without_nan(
        {
            "position": one.position,
            "id": one.id,
            "label": one.label,
            "confidence": one.confidence,
            "counts": None if one.counts is None else list(one.counts),
            "at": len(images) - 1,
        }
    )
