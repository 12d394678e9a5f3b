"""What the analyst computes with a run's network: features, embeddings, robustness, units; kept below the run's folder.

Apart from `analyst_tasks.py`, which lists them, because they share how a run is opened. Everything dear is imported where
it is needed. Arguments of each: run (folder), weights and fingerprint, as `core.analysis.subject` says them, and settings;
robustness takes several runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.analysis.kept import keep, kept
from core.analysis.subject import Subject, dataset_of, run_at, subject_of
from core.exceptions import RunStateError
from core.runs.layout import RunLayout

if TYPE_CHECKING:
    from core.datasets.base import Dataset
    from core.inference import Predictor
    from core.runs.run import Run

Progress = Callable[[float, str], None]
"""As that of `analyst_tasks`."""

LOADING_SHARE = 0.02


def arguments_of(subject: Subject) -> dict[str, Any]:
    """Return the arguments that name a run's weights and data."""
    return {
        "run": str(subject.layout.path.resolve()),
        "weights": subject.weights,
        "fingerprint": subject.fingerprint,
    }


@dataclass(frozen=True)
class _Opened:
    subject: Subject
    run: "Run"
    predictor: "Predictor"
    dataset: "Dataset"


def training_features(arguments: Mapping[str, Any], data_dir: Path, progress: Progress) -> Any:
    """Keep what a layer makes of the training images: settings layer. Arrays sample_ids and directions (length 1)."""
    from core.analysis.features import split_features, training_samples
    from core.analysis.neighbours import normalised

    settings = arguments["settings"]
    opened = _opened(arguments, data_dir, progress)
    images = opened.dataset.split("train").images
    num_units = split_features(opened.predictor, images[:1], settings["layer"]).shape[1]
    ids = training_samples(opened.dataset, num_units)
    values = split_features(
        opened.predictor,
        images,
        settings["layer"],
        ids,
        lambda share: progress(
            LOADING_SHARE + share * (1 - LOADING_SHARE), "Showing it the training images"
        ),
    )
    facts = {"num_images": len(images)}
    arrays = {"sample_ids": ids, "directions": normalised(values)}
    keep(opened.subject, "features", settings, facts, arrays)
    return {}


def layer_map(arguments: Mapping[str, Any], data_dir: Path, progress: Progress) -> Any:
    """Keep a map of a split: settings layer, way, split. Arrays sample_ids and points, fact explained."""
    from core.analysis.embedding import embedding, map_samples
    from core.analysis.features import split_features

    settings = arguments["settings"]
    opened = _opened(arguments, data_dir, progress)
    split = settings["split"]
    known = opened.run.predictions(split).sample_ids
    ids = map_samples(opened.dataset, split, known)
    values = split_features(
        opened.predictor,
        opened.dataset.split(split).images,
        settings["layer"],
        ids,
        lambda share: progress(LOADING_SHARE + 0.2 * share, "Showing it the images"),
    )
    progress(0.25, "Laying out the images")
    found = None
    for found in embedding(values, settings["way"]):
        progress(0.25 + 0.75 * found.progress, "Laying out the images")
    assert found is not None  # it yields at least one map
    explained = None if found.explained is None else list(found.explained)
    keep(
        opened.subject,
        "embedding",
        settings,
        {"explained": explained},
        {"sample_ids": ids, "points": found.points},
    )
    return {}


def robustness_of_runs(arguments: Mapping[str, Any], data_dir: Path, progress: Progress) -> Any:
    """Keep how runs fare on changed images: runs, settings split and num_samples; those that are kept stay as they are."""
    from core.analysis.robustness import robustness, samples_to_try

    settings, runs = arguments["settings"], arguments["runs"]
    for number, values in enumerate(runs):
        base, part = number / len(runs), 1 / len(runs)
        words = f"Run {number + 1} of {len(runs)}"
        progress(base, words)
        subject = _subject(values)
        if kept(subject, "robustness", settings) is not None:
            continue
        opened = _opened(values, data_dir, lambda _share, _what: None)
        split = settings["split"]
        found = robustness(
            opened.predictor,
            opened.dataset.split(split),
            opened.dataset.space,
            opened.run.predictions(split),
            samples_to_try(opened.dataset, split, settings["num_samples"]),
            # Only the outputs on test are averaged over views.
            opened.predictor.averaging if split == "test" else "none",
            lambda share, base=base, part=part, words=words: progress(base + part * share, words),
        )
        keep(opened.subject, "robustness", settings, *found.to_kept())
    return {}


def layer_units(arguments: Mapping[str, Any], data_dir: Path, progress: Progress) -> Any:
    """Keep what the units of a layer answer to: settings layer, split. Arrays sample_ids, values, share_active."""
    from core.analysis.units import units

    settings = arguments["settings"]
    opened = _opened(arguments, data_dir, progress)
    images = opened.dataset.split(settings["split"]).images
    found = units(
        opened.predictor,
        images,
        settings["layer"],
        lambda share: progress(
            LOADING_SHARE + share * (1 - LOADING_SHARE), "Showing it the images"
        ),
    )
    arrays = {
        "sample_ids": found.sample_ids,
        "values": found.values,
        "share_active": found.share_active,
    }
    keep(opened.subject, "units", settings, {"num_images": len(images)}, arrays)
    return {}


def _subject(arguments: Mapping[str, Any]) -> Subject:
    return Subject(
        RunLayout(Path(arguments["run"])), arguments["weights"], arguments["fingerprint"]
    )


def _opened(arguments: Mapping[str, Any], data_dir: Path, progress: Progress) -> _Opened:
    """Load network and data set.

    Raises:
        CoreError: the run, its weights or its data set are not what was asked about.
    """
    from core.inference import Predictor

    progress(0.0, "Loading the network")
    asked = _subject(arguments)
    run = run_at(asked.layout)
    subject = subject_of(run)
    if subject.weights != asked.weights:
        raise RunStateError(
            f"Run {run.id} has other weights now than when this was asked for. Ask again."
        )
    predictor = Predictor.load(run)
    progress(LOADING_SHARE, "Loading the data set")
    return _Opened(subject, run, predictor, dataset_of(run, data_dir))
