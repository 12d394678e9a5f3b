"""Cached readers of the page Compare: line-ups, curves of variants and duels, each worked out once for all sessions.

Beside `dashboard.data`, whose readers are about one run or data set, because these are about many runs at once: they have
caches of their own, keyed by the revision of every run in them, and one for the predictions of hundreds of runs that is
bounded by bytes. It leaves out how anything looks.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from core import lineup as core_lineup
from core.evaluation import seed_curves as core_curves
from core.evaluation.duel import Duel
from core.evaluation.scores import Resampled
from core.evaluation.seed_curves import Axis, Ending
from core.evaluation.seeds import Band
from core.exceptions import UnknownName
from core.facts import SeenVerdict, group_verdicts
from core.jobs import analyst, resampling_task
from core.lineup import Lineup
from core.predictions import Predictions
from core.run_groups import Group
from core.run_groups import groups as groups_of
from core.runs.run import Run
from dashboard import data

MOST_PREDICTION_BYTES = 256 << 20
"""Outputs kept in memory: those of 250 runs on 10,500 images of ten classes take about 150 MiB."""

LAST_ROW_COLUMNS = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")

_guard = threading.Lock()
_predictions: OrderedDict[tuple, tuple[Predictions, int]] = OrderedDict()
_num_kept = 0


def groups(runs: Sequence[Run]) -> list[Group]:
    """Return runs grouped by data and settings; see `core.run_groups`."""
    key = tuple((run.id, run.damaged, hash(run.state.t), run.state.state, run.name) for run in runs)
    return _groups(key, list(runs))


@st.cache_resource(max_entries=16, show_spinner=False)
def _groups(key: tuple, _runs: Sequence[Run]) -> list[Group]:
    return groups_of(_runs)


def lineup(
    groups: Sequence[Group],
    split: str,
    metric: str,
    baseline: str | None,
    *,
    with_costs: bool,
    request: Mapping[str, Any] | None = None,
) -> Lineup:
    """Compare groups; arguments and errors as for `core.lineup.lineup`. It is shared: it must not be changed.

    Args:
        groups: what to compare.
        split: as there.
        metric: as there.
        baseline: as there.
        with_costs: whether the histories are read, without which most of what the runs took is NaN. With 250 runs of 200
            epochs that takes as long as all the rest, and bars and sentences need none of it.
        request: of `resampling_request`, once `is_resampled`.
    """
    key = tuple(
        (group.label, *(data.predictions_key(run, split) for run in group.runs)) for group in groups
    )
    with_histories = revisions(groups) if with_costs else None
    task = None if request is None else analyst.task_key(resampling_task.TASK, request)
    return _lineup((key, with_histories, split, metric, baseline, task), groups)


@st.cache_resource(max_entries=24, show_spinner=False)
def _lineup(key: tuple, _groups: Sequence[Group]) -> Lineup:
    _, with_histories, split, metric, baseline, task = key
    return core_lineup.lineup(
        _groups,
        split,
        metric,
        baseline,
        read=predictions,
        read_history=lambda run: [] if with_histories is None else data.history(run)[1],
        resampled=None if task is None else _resampled(task),
    )


def resampling_request(groups: Sequence[Group], split: str, metric: str) -> dict[str, Any]:
    """Return what the analyst is asked for before groups can be compared in a metric that takes resampling.

    It does not depend on the baseline, and changes with the stored outputs of the runs.
    """
    runs = [run for group in groups for run in group.runs]
    revisions = [data.predictions_key(run, split) for run in runs]
    return resampling_task.resampling_request(data.store().root, runs, split, metric, revisions)


def is_resampled(request: Mapping[str, Any]) -> bool:
    """Return whether the analyst has answered a request; its answer then stays in memory."""
    try:
        _resampled(analyst.task_key(resampling_task.TASK, request))
    except UnknownName:
        return False
    return True


@st.cache_resource(max_entries=8, show_spinner=False)
def _resampled(task: str) -> dict[str, Resampled]:
    return resampling_task.resampled_of(analyst.result(data.data_dir(), task))


def predictions(run: Run, split: str) -> Predictions:
    """Return what a run said of a split, as `dashboard.data.predictions`, of hundreds of runs.

    Raises:
        CoreError: nothing is stored (yet), or it cannot be read.
    """
    global _num_kept
    key = data.predictions_key(run, split)
    with _guard:
        if key in _predictions:
            _predictions.move_to_end(key)
            return _predictions[key][0]
    found = run.predictions(split)
    with _guard:
        if key not in _predictions:
            _predictions[key] = found, _num_bytes(found)
            _num_kept += _predictions[key][1]
        while _num_kept > MOST_PREDICTION_BYTES and len(_predictions) > 1:
            _num_kept -= _predictions.popitem(last=False)[1][1]
    return found


def _num_bytes(one: Predictions) -> int:
    arrays = (one.sample_ids, one.labels, one.logits, one.counts, one.count_labels)
    return sum(array.nbytes for array in arrays if array is not None)


@dataclass(frozen=True)
class CurveTables:
    """What a panel of curves is drawn from; see `core.evaluation.seed_curves`.

    Attributes:
        means: of `seed_curves`.
        singles: of `single_curves`.
        stages: of `stage_boundaries`.
        key: what changes whenever they do.
    """

    means: pd.DataFrame
    singles: pd.DataFrame
    stages: pd.DataFrame
    key: tuple


def curve_tables(
    groups: Sequence[Group],
    metric: str,
    *,
    axis: Axis,
    band: Band,
    ending: Ending,
    smoothing: int,
    has_seeds: bool = True,
    within: tuple[float, float] | None = None,
) -> CurveTables:
    """Return the curves of groups in one metric; without `has_seeds` the table of single seeds is empty.

    Raises:
        InvalidParameter: the axis "samples" for runs whose history does not say how many there were.
    """
    options = (metric, axis, band, ending, smoothing, has_seeds, within)
    return _curve_tables((revisions(groups), options), groups)


@st.cache_resource(max_entries=64, show_spinner=False)
def _curve_tables(key: tuple, _groups: Sequence[Group]) -> CurveTables:
    metric, axis, band, ending, smoothing, has_seeds, within = key[1]
    histories = {run.id: data.history(run)[1] for group in _groups for run in group.runs}
    labels = {run.id: group.label for group in _groups for run in group.runs}
    means = core_curves.seed_curves(
        histories,
        labels,
        metric,
        band=band,
        ending=ending,
        axis=axis,
        smoothing=smoothing,
        within=within,
    )
    singles = core_curves.single_curves(
        histories if has_seeds else {}, labels, metric, axis=axis, within=within
    )
    return CurveTables(
        means, singles, core_curves.stage_boundaries(histories, labels, axis=axis), key
    )


def metrics_of(groups: Sequence[Group]) -> list[str]:
    """Return the metrics that the histories have of a split, the most telling first."""
    return _metrics(revisions(groups), groups)


@st.cache_resource(max_entries=32, show_spinner=False)
def _metrics(key: tuple, _groups: Sequence[Group]) -> list[str]:
    found: dict[str, None] = {}
    for group in _groups:
        for run in group.runs:
            for row in data.history(run)[1][-1:]:
                found |= dict.fromkeys(
                    name.removeprefix("validation_")
                    for name in row
                    if name.startswith("validation_")
                )
    return sorted(found, key=lambda name: (name not in ("accuracy", "loss"), name))


@dataclass(frozen=True)
class SeedsLeft:
    """That some seeds of a group stopped earlier than others: from `epoch` on `left` of `of` were training."""

    label: str
    epoch: int
    left: int
    of: int


def seeds_left(groups: Sequence[Group]) -> list[SeedsLeft]:
    """Return which groups have seeds that stopped earlier than others; those still under way have none yet."""
    found = []
    for group in groups:
        if data.is_active(group.runs):
            continue
        last = sorted(rows[-1]["epoch"] for run in group.runs if (rows := data.history(run)[1]))
        if last and last[0] < last[-1]:
            left = sum(epoch > last[0] for epoch in last)
            found.append(SeedsLeft(group.label, last[0] + 1, left, len(last)))
    return found


def last_rows(groups: Sequence[Group], number: int = 5) -> pd.DataFrame:
    """Return the last rows of the history of each group's first run: variant, seed, epoch, losses and accuracies."""
    rows = []
    for group in groups:
        run = group.runs[0]
        for row in data.history(run)[1][-number:]:
            numbers = {name: row.get(name) for name in LAST_ROW_COLUMNS}
            rows.append(
                {"variant": group.label, "seed": run.seed, "epoch": row["epoch"], **numbers}
            )
    return pd.DataFrame(rows, columns=["variant", "seed", "epoch", *LAST_ROW_COLUMNS])


def duel(a: Group, b: Group, split: str, seed: int | None) -> Duel:
    """Compare two groups image by image; arguments and errors as for `core.lineup.duel`."""
    key = tuple(
        (group.label, *(data.predictions_key(run, split) for run in group.runs)) for group in (a, b)
    )
    return _duel((key, split, seed), a, b)


@st.cache_resource(max_entries=16, show_spinner=False)
def _duel(key: tuple, _a: Group, _b: Group) -> Duel:
    return core_lineup.duel(_a, _b, predictions, key[1], seed=key[2])


def verdicts(group: Group, baseline: Group | None) -> list[SeenVerdict]:
    """Return what the curves of a group say, alone and beside a baseline's; see `core.facts.group_verdicts`."""
    return _verdicts(revisions([group, *([baseline] if baseline else [])]), group, baseline)


@st.cache_resource(max_entries=256, show_spinner=False)
def _verdicts(key: tuple, _group: Group, _baseline: Group | None) -> list[SeenVerdict]:
    return group_verdicts(_group, _baseline, lambda run: data.history(run)[1])


def revisions(groups: Sequence[Group]) -> tuple[Any, ...]:
    """Return what changes whenever a group's label, members or their histories do."""
    return tuple(
        (group.label, *((run.id, run.state.state, *data.history(run)[0]) for run in group.runs))
        for group in groups
    )
