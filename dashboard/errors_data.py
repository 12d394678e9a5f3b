"""Cached readers of the page Errors: the table of all images of a split as several runs see them, and training dynamics.

Beside `dashboard.data`, whose readers are about one run, and `dashboard.compare_data`, whose outputs are those of the best
weights: here one run's outputs of any epoch stand beside those of all others. The caches are bounded by bytes, since an epoch
of a large data set takes as much as hundreds of small ones. It leaves out how anything looks.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import pandas as pd
import streamlit as st

from core.evaluation.case_filters import CaseFilter, kept
from core.evaluation.cases import Cases, joined
from core.evaluation.cases import cases as core_cases
from core.evaluation.data_map import data_map
from core.evaluation.dynamics import Dynamics
from core.evaluation.dynamics import dynamics as core_dynamics
from core.evaluation.forgetting import forgetting
from core.evaluation.votes import cleanlab_suspects, suspects
from core.exceptions import CoreError
from core.predictions import Predictions
from core.runs import files
from core.runs.run import Run
from dashboard import compare_data, data

MOST_EPOCH_BYTES = 128 << 20
"""Outputs of single epochs kept: with their probabilities those of some 40 epochs of 10,500 images of ten classes."""
MOST_DYNAMICS_BYTES = 128 << 20
MOST_PEER_BYTES = 256 << 20
"""Outputs of all finished runs that stand beside one: some 600 runs on 10,500 images of ten classes."""
TIMES_LOGITS = 6
"""What a set of predictions takes once its probabilities were asked for, in bytes of its logits: they are double precision,
and so are their logarithms."""

_Value = TypeVar("_Value")


class _Kept(Generic[_Value]):
    """The values used last, of at most so many bytes in all."""

    def __init__(self, most_bytes: int, size: Callable[[_Value], int]) -> None:
        self._most, self._size = most_bytes, size
        self._guard = threading.Lock()
        self._values: OrderedDict[Any, _Value] = OrderedDict()
        self._total = 0

    def get(self, key: Any, make: Callable[[], _Value]) -> _Value:
        with self._guard:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        made = make()
        with self._guard:
            if key not in self._values:
                self._values[key] = made
                self._total += self._size(made)
            while self._total > self._most and len(self._values) > 1:
                self._total -= self._size(self._values.popitem(last=False)[1])
        return made


_epochs: _Kept[Predictions] = _Kept(MOST_EPOCH_BYTES, lambda one: one.logits.nbytes * TIMES_LOGITS)
_dynamics: _Kept[Dynamics] = _Kept(MOST_DYNAMICS_BYTES, lambda one: one.num_bytes)


def runs_with_cases() -> list[Run]:
    """Return the runs that have outputs of a split, newest first."""
    return data.runs_with_predictions()


def splits(run: Run) -> list[str]:
    """Return the splits whose outputs a run has stored: test with the best weights, validation and train of every epoch."""
    found = data.splits_with_predictions(run)
    return [*found, "train"] if "validation" in found and _has_train(run) else found


def _has_train(run: Run) -> bool:
    return _stored(str(run.layout.predictions_index), data.predictions_key(run, "validation"))


@st.cache_data(max_entries=2048, show_spinner=False)
def _stored(path: str, key: tuple) -> bool:
    try:
        return "train" in files.read_json(Path(path))["splits"]
    except (OSError, CoreError, KeyError, TypeError):
        return False


def epochs(run: Run, split: str) -> list[int]:
    """Return the epochs whose outputs on a split are stored; none of test, of which there is one set alone."""
    return [] if split == "test" else [row["epoch"] for row in data.history(run)[1]]


def nearest_epoch(run: Run, split: str, epoch: int | None) -> int | None:
    """Return the epoch of a run that stands for an asked one: its last where it has stopped before; None for its best."""
    known = epochs(run, split)
    return None if epoch is None or not known else max(known[0], min(epoch, known[-1]))


def predictions(run: Run, split: str, epoch: int | None = None) -> Predictions:
    """Return what a run said of a split after an epoch, or with its best weights.

    Raises:
        CoreError: nothing is stored (yet), the run has no such epoch, or it cannot be read.
    """
    if split == "test" or epoch is None or epoch == run.state.best_epoch:
        # Of validation the record of the best epoch is the same either way; that of train only has a number.
        if split in ("test", "validation"):
            return compare_data.predictions(run, split)
        epoch = run.state.best_epoch if epoch is None else epoch
    return _epochs.get(_key(run, split, epoch), lambda: run.predictions(split, epoch))


def _key(run: Run, split: str, epoch: int | None) -> tuple[Any, ...]:
    return (*data.predictions_key(run, split), epoch)


def peers(run: Run) -> list[Run]:
    """Return all finished runs on a run's data, newest first, itself among them where it has finished."""
    fingerprint = run.spec.get("data_fingerprint")
    return [
        one
        for one in data.store().runs()
        if one.damaged is None
        and one.state.state == "finished"
        and one.spec.get("data_fingerprint") == fingerprint
    ]


def asked_peers(run: Run, split: str) -> tuple[list[Run], int]:
    """Return the peers that a run's answers stand beside, and how many more there are than memory is meant for.

    Raises:
        CoreError: the run has no outputs of this split, or they cannot be read.
    """
    found = peers(run)
    most = max(1, MOST_PEER_BYTES // max(1, predictions(run, split).logits.nbytes))
    return found[:most], max(0, len(found) - most)


def cases(runs: Sequence[Run], split: str, epoch: int | None, titles: dict[str, str]) -> Cases:
    """Return what runs say of the images of a split; a run alone stands beside all finished runs on its data.

    Args:
        runs: at least one, the leading one first.
        split: of the images.
        epoch: of the runs given; None for the best of each. Others answer with their best weights.
        titles: run id -> what it is called where it has to be left out.

    Raises:
        CoreError: the leading run has no such outputs, or they cannot be read.
    """
    asked = [(run, nearest_epoch(run, split, epoch)) for run in runs]
    if len(runs) == 1:
        beside, num_more = asked_peers(runs[0], split)
        asked += [(run, None) for run in beside if run.id != runs[0].id]
    else:
        num_more = 0
    key = tuple((_key(run, split, at), titles.get(run.id, "")) for run, at in asked)
    return _cases((key, split, num_more), asked, titles)


@st.cache_resource(max_entries=12, show_spinner=False)
def _cases(key: tuple, _asked: Sequence[tuple[Run, int | None]], _titles: dict[str, str]) -> Cases:
    found: dict[str, Predictions] = {}
    unreadable = []
    for place, (run, epoch) in enumerate(_asked):
        try:
            found[run.id] = predictions(run, key[1], epoch)
        except CoreError as error:
            if place == 0:
                raise
            unreadable.append(f"{_titles.get(run.id, run.id)} left out: {error}")
    made = core_cases(found)
    named = [_with_title(one, _titles) for one in made.left_out]
    if key[2]:
        named.append(
            f"{key[2]} older runs left out: so many images of so many runs are too much at once."
        )
    return Cases(made.predictions, made.runs, made.table, (*named, *unreadable))


def _with_title(sentence: str, titles: dict[str, str]) -> str:
    run_id, _, rest = sentence.partition(" left out: ")
    return f"{titles.get(run_id, run_id)} left out: {rest}"


def dynamics(run: Run, split: str) -> Dynamics:
    """Return what a run said of a split after each of its epochs.

    Raises:
        CoreError: the split has no stored epochs, or they cannot be read.
    """
    known = epochs(run, split)
    key = (_key(run, split, known[-1] if known else None), data.history(run)[0])

    def each() -> Iterator[tuple[int, Predictions]]:
        # Not through the cache: that would drop what is looked at now.
        for epoch in known:
            yield epoch, run.predictions(split, epoch)

    return _dynamics.get(key, lambda: core_dynamics(each()))


@st.cache_resource(max_entries=24, show_spinner=False)
def _dynamics_table(key: tuple, _found: Dynamics) -> pd.DataFrame:
    table = data_map(_found)
    return joined(table, forgetting(_found), ["first_learned", "times_forgotten"])


def dynamics_table(run: Run, split: str) -> pd.DataFrame:
    """Return the table of `core.evaluation.data_map` with first_learned and times_forgotten of `forgetting`.

    Raises:
        CoreError: the split has no stored epochs, or they cannot be read.
    """
    return _dynamics_table((_key(run, split, None), data.history(run)[0]), dynamics(run, split))


def duplicate_ids(run: Run, split: str) -> list[int]:
    """Return the samples of a split whose pixels occur again, in it or in another split.

    Raises:
        CoreError: the data set is gone or has changed.
    """
    data.images(run, split)  # says so where they are not those of the run
    table = data.statistic("exact_duplicates", data.loaded(run.config["dataset"])).table
    return table.loc[table["split"] == split, "sample_id"].tolist()


def full_table(
    found: Cases, run: Run, split: str, columns: Sequence[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Return the table of cases with further columns that filters or a sort want, and why some are missing.

    Args:
        found: the cases.
        run: the leading run.
        split: of the images.
        columns: names; those that the table has, or that nobody knows, are passed over.
    """
    table, problems = found.table, []
    try:
        if {"region", "times_forgotten", "first_learned"} & set(columns):
            wanted = ["region", "times_forgotten", "first_learned"]
            table = joined(table, dynamics_table(run, split), wanted)
        if "has_duplicate" in columns:
            ids = duplicate_ids(run, split)
            table = table.assign(has_duplicate=table["sample_id"].isin(ids))
        if "is_suspect" in columns:
            ids = suspects(list(found.runs.values()))["sample_id"]
            table = table.assign(is_suspect=table["sample_id"].isin(ids))
        if "is_doubted" in columns:
            ids = cleanlab_suspects(list(found.runs.values()))["sample_id"]
            table = table.assign(is_doubted=table["sample_id"].isin(ids))
    except CoreError as error:
        problems.append(str(error))
    return table, problems


def kept_rows(
    found: Cases, table: pd.DataFrame, filters: Sequence[CaseFilter]
) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows that all filters keep, and a sentence for each that was ignored."""
    mask, problems = kept(filters, table, found.predictions.probabilities)
    return table[mask], problems
