"""The analyst's task "resample": metrics that are no mean over images, of many runs on 1,000 resamples of their images.

Separate from the other tasks because the page that asks for it must also say what it depends on, and read what it gave.
It leaves out what follows from the numbers, which is quick (`core.lineup`).
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.exceptions import CoreError, InvalidParameter
from core.runs.run import Run
from core.runs.store import Store

if TYPE_CHECKING:
    from core.evaluation.scores import Resampled
    from core.predictions import Predictions

TASK = "resample"


def resampling_request(
    root: Path, runs: Sequence[Run], split: str, metric: str, revisions: Sequence[Any]
) -> dict[str, Any]:
    """Return the arguments of the task.

    Args:
        root: the runs folder.
        runs: those to be compared, on whichever data; in any order.
        split: of the images.
        metric: one that takes resampling.
        revisions: what changes whenever the stored outputs of these runs do, fit for JSON.
    """
    return {
        "root": str(root),
        "runs": sorted(run.id for run in runs),
        "split": split,
        "metric": metric,
        "revisions": sorted(map(list, revisions)),
    }


def resample_runs(
    arguments: Mapping[str, Any], _data_dir: Path, progress: Callable[[float, str], None]
) -> dict[str, Any]:
    """Resample the runs of a request; gives run id -> value, num_images, replicates, of those that can be compared."""
    from core.evaluation.scores import metric_of, resample_shared

    metric = metric_of(arguments["metric"])
    by_data: dict[str, dict[str, Predictions]] = {}
    store = Store(Path(arguments["root"]))
    for place, id in enumerate(arguments["runs"]):
        progress(0.1 * place / len(arguments["runs"]), "Reading what the runs answered")
        # Whoever compares names what cannot be read, with the reason.
        with contextlib.suppress(CoreError):
            run = store.run(id)
            same = by_data.setdefault(run.spec.get("data_fingerprint", ""), {})
            same[id] = run.predictions(arguments["split"])
    number, done, found = sum(map(len, by_data.values())), 0, {}
    for runs in by_data.values():
        begun, of_these = 0.1 + 0.9 * done / number, 0.9 * len(runs) / number
        with contextlib.suppress(InvalidParameter):  # as above
            found |= resample_shared(
                metric,
                runs,
                progress=lambda share, begun=begun, of_these=of_these: progress(
                    begun + share * of_these,
                    f"Resampling the images 1,000 times for {metric.label}",
                ),
            )
        done += len(runs)
    return {
        id: {
            "value": one.value,
            "num_images": one.num_images,
            "replicates": one.replicates.tolist(),
        }
        for id, one in found.items()
    }


def resampled_of(result: Mapping[str, Mapping[str, Any]]) -> "dict[str, Resampled]":
    """Return what the task gave, as it was before it became JSON, where a NaN is null."""
    from core.evaluation.scores import Resampled

    return {
        id: Resampled(
            float("nan") if one["value"] is None else one["value"],
            np.array(one["replicates"], dtype=np.float64),
            one["num_images"],
        )
        for id, one in result.items()
    }
