"""Cached readers: whatever pages, widgets and routes know of runs and data sets, read once and shared by all sessions.

Apart from the widgets because the image route needs the same readers outside a script. Store, data sets and histories
therefore lie in this module's own bounded caches; what is computed from them lies in Streamlit's, keyed by run and
revision or by a data set's fingerprint. It leaves out how anything looks.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.datasets import DATASETS, dataset_source
from core.datasets.base import Dataset, DatasetSource, default_data_dir
from core.datasets.duplicates import exact_duplicates
from core.datasets.imported import FACTS, imported_folder, imported_names
from core.datasets.pixels import grey_levels, mean_images, samples_in_bin
from core.datasets.projection import pca_map
from core.evaluation.accuracy import accuracy
from core.evaluation.calibration import expected_calibration_error
from core.evaluation.counts import count_errors
from core.evaluation.groups import per_group
from core.evaluation.learning_curves import learning_curves
from core.evaluation.losses import losses
from core.exceptions import CoreError, DamagedRun
from core.jobs.people import NOBODY, NOT_VERIFIED, Access, Person, person_named, typed_name
from core.jobs.permissions import is_loopback
from core.jobs.visibility import shown_to
from core.predictions import Predictions
from core.report import SECTIONS
from core.runs import history as run_history
from core.runs.host import user_name
from core.runs.run import Run
from core.runs.state import ACTIVE
from core.runs.store import Store, default_root
from core.runs.text import clean_text

MOST_HISTORIES = 2000
"""Histories kept in memory: more than the runs of the largest list that a page answers quickly."""
TYPED_NAME = "your-name"
"""Key of the field in which somebody writes a name where there is no login."""
MOST_DATASETS = 8
"""Data sets kept open: mostly memory-mapped, so that they take addresses rather than memory."""


def store(by: str | None = None) -> Store:
    """Return this server's runs folder as somebody sees it: by default who looks at the page; all share what is read."""
    return shown_to(whole_store(), person().name if by is None else by)


def whole_store() -> Store:
    """Return this server's runs folder with everybody's runs: not for what is shown to somebody."""
    return _store_of(default_root().resolve())


@lru_cache(maxsize=4)
def _store_of(root: Path) -> Store:
    return Store(root)


def access() -> Access:
    """Return how this server learns who asks."""
    if login_is_on():
        return "login"
    return "machine" if is_loopback(st.get_option("server.address")) else "open"


def login_is_on() -> bool:
    """Return whether people log in: by a provider (`[auth]` in secrets.toml), or at a proxy that tells us."""
    return has_provider() or bool(st.get_option("server.trustedUserHeaders"))


def has_provider() -> bool:
    """Return whether secrets.toml names a provider to log in with."""
    return st.secrets.load_if_toml_exists() and "auth" in st.secrets


def person() -> Person:
    """Return who looks at the page: asked anew each time, since nothing that a browser keeps can be trusted."""
    match access():
        case "login":
            name = login_name(st.user.to_dict())
        case "machine":
            name = user_name()
        case _:
            name = typed_name(st.session_state.get(TYPED_NAME))
    return person_named(default_root().resolve(), name)


def login_name(claims: Mapping[str, Any]) -> str:
    """Return the name of somebody who logged in, from what the provider or the proxy says; else that of nobody."""
    if has_provider() and claims.get("is_logged_in") is not True:
        return NOBODY
    for key in ("email", "sub"):
        name = claims.get(key)
        if isinstance(name, str) and clean_text(name):
            # Some providers let anybody write any address.
            is_sure = claims.get("email_verified") is not False
            return clean_text(name.replace(NOT_VERIFIED, "")) if is_sure else typed_name(name)
    return NOBODY


def data_dir() -> Path:
    """Return the folder of the data sets."""
    return default_data_dir()


@dataclass(frozen=True)
class Loaded:
    """A data set with the settings that chose it.

    Attributes:
        settings: all of them, its name among them, as plain values.
        dataset: the data set.
    """

    settings: Mapping[str, Any]
    dataset: Dataset

    @property
    def fingerprint(self) -> str:
        """As the data set's, worked out once."""
        return self.dataset.fingerprint


def dataset_names() -> list[str]:
    """Return the names of the data sets that there are: the built-in ones, then the imported ones."""
    return [*DATASETS, *imported_names(data_dir())]


def source(values: Mapping[str, Any]) -> DatasetSource:
    """Return the source of a data set with these settings, `name` among them; the others have their defaults.

    Raises:
        InvalidInput: no data set is called that, or a setting breaks its rule.
    """
    return type(dataset_source(str(values.get("name", "")), data_dir())).checked(values)


def dataset(settings: Mapping[str, Any]) -> Dataset:
    """Return the data set of these settings; the few used last stay in memory.

    Raises:
        InvalidInput: no data set is called that, or a setting breaks its rule.
        DamagedRun: it cannot be read or made.
    """
    return loaded(settings).dataset


def loaded(settings: Mapping[str, Any]) -> Loaded:
    """Return the data set of these settings with all of them.

    Raises:
        InvalidInput: no data set is called that, or a setting breaks its rule.
        DamagedRun: it cannot be read or made.
    """
    values = source(settings).model_dump(mode="json")
    key = orjson.dumps(values, option=orjson.OPT_SORT_KEYS)
    found = _loaded_of(key, data_dir(), _stamp(values["name"]))
    with _guard:
        _shown[found.fingerprint] = found
        _shown.move_to_end(found.fingerprint)
        while len(_shown) > MOST_DATASETS:
            _shown.popitem(last=False)
    return found


def shown_dataset(fingerprint: str) -> Loaded | None:
    """Return a data set that was loaded lately, so that no address alone makes this server generate one."""
    with _guard:
        return _shown.get(fingerprint)


_guard = threading.Lock()
_shown: OrderedDict[str, Loaded] = OrderedDict()


def _stamp(name: str) -> tuple[int, int]:
    """Return what changes when another data set is imported under a name."""
    try:
        status = (imported_folder(name, data_dir()) / FACTS).stat()
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_ino)


@lru_cache(maxsize=MOST_DATASETS)
def _loaded_of(settings: bytes, folder: Path, _stamp: tuple[int, int]) -> Loaded:
    values = orjson.loads(settings)
    try:
        return Loaded(values, source(values).load(folder))
    except OSError as error:
        raise DamagedRun(
            f"The data set {values['name']!r} cannot be read: {error.strerror}."
        ) from None


STATISTICS: dict[str, Callable[..., Any]] = {
    "grey_levels": grey_levels,
    "samples_in_bin": samples_in_bin,
    "mean_images": mean_images,
    "exact_duplicates": exact_duplicates,
    "pca_map": pca_map,
}
"""What reads every pixel of a data set, and is therefore kept."""


def statistic(name: str, of: Loaded, *arguments: Any) -> Any:
    """Return what a function of `STATISTICS` says of a data set; the arguments must be plain values."""
    return _statistic(name, of.fingerprint, arguments, of.dataset)


@st.cache_data(max_entries=128, show_spinner=False)
def _statistic(name: str, fingerprint: str, arguments: tuple, _dataset: Dataset) -> Any:
    return STATISTICS[name](_dataset, *arguments)


def images(run: Run, split: str) -> NDArray[np.uint8]:
    """Return the images that a run saw: (N, C, H, W).

    Raises:
        CoreError: the data set is gone, or its pixels are others than those the run was trained on.
    """
    found = dataset(run.config.get("dataset", {}))
    if found.fingerprint != run.spec.get("data_fingerprint"):
        raise DamagedRun(f"The data set {run.dataset!r} has changed since this run was trained.")
    return found.split(split).images


_histories: OrderedDict[Path, tuple[tuple[int, ...], run_history.HistoryPart, list[dict]]] = (
    OrderedDict()
)


def history(run: Run) -> tuple[tuple[int, ...], list[dict[str, Any]]]:
    """Return a run's revision and its rows, one per epoch; only what was appended since the last call is read.

    The revision changes whenever the rows do, so it may key a cache. The rows are shared: they must not be changed.
    """
    path = run.layout.history
    try:
        attempts = run.layout.attempts_dir.stat().st_mtime_ns
    except OSError:
        attempts = 0
    with _guard:
        known = _histories.get(path)
    before = known[1] if known else run_history.HistoryPart()
    part = run_history.read_on(path, before)
    revision = (part.offset, part.inode, attempts)
    if known is None or known[0] != revision:
        rows = run_history.visible(part.rows, run_history.from_epochs(run.layout))
        known = (revision, part, rows)
    with _guard:
        _histories[path] = known
        _histories.move_to_end(path)
        while len(_histories) > MOST_HISTORIES:
            _histories.popitem(last=False)
    return known[0], known[2]


def is_active(runs: Sequence[Run]) -> bool:
    """Return whether one of the runs may change by itself, so that a page should look again."""
    return any(run.state.state in ACTIVE for run in runs)


def poll_seconds(runs: Sequence[Run]) -> float | None:
    """Return how often a page should look again: never while nothing is under way."""
    return store().observer.waits.page_poll if is_active(runs) else None


def curves(runs: Sequence[Run], metric: str, labels: Mapping[str, str]) -> pd.DataFrame:
    """Return the table of `core.evaluation.learning_curves` for these runs."""
    key = tuple((run.id, labels[run.id], *history(run)[0]) for run in runs)
    return _curves(key, metric, list(runs), dict(labels))


@st.cache_data(max_entries=64, show_spinner=False)
def _curves(
    key: tuple, metric: str, _runs: Sequence[Run], _labels: Mapping[str, str]
) -> pd.DataFrame:
    return learning_curves(
        {run.id: history(run)[1] for run in _runs},
        metric,
        labels=_labels,
        variants={run.id: run.variant or "" for run in _runs},
    )


def predictions_key(run: Run, split: str) -> tuple[str, str, str, int, int]:
    """Return what tells one reading of a run's stored outputs from the next."""
    path = run.layout.test_json if split == "test" else run.layout.predictions_index
    try:
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_size)
    except OSError:
        stamp = (0, 0)
    epoch = 0 if split == "test" else run.state.best_epoch or 0
    return (str(run.layout.path), split, str(run.state.attempt), epoch, hash(stamp))


def predictions(run: Run, split: str) -> Predictions:
    """Return what a run said of a split: of test with its best weights, of validation after its best epoch.

    Raises:
        UnknownName: nothing is stored (yet).
        DamagedRun: it cannot be read.
    """
    return _predictions(predictions_key(run, split), run, split)


@st.cache_resource(max_entries=24, show_spinner=False)
def _predictions(key: tuple, _run: Run, _split: str) -> Predictions:
    return _run.predictions(_split)


TABLES = {section.name: section.table for section in SECTIONS} | {
    "accuracy": accuracy,
    "losses": losses,
    "count_errors": count_errors,
    "per_group": per_group,
}


def table(name: str, run: Run, split: str) -> pd.DataFrame:
    """Return a table of `core.evaluation` for a run's stored outputs; `name` is one of `TABLES`."""
    return _table(name, predictions_key(run, split), predictions(run, split))


@st.cache_data(max_entries=256, show_spinner=False)
def _table(name: str, key: tuple, _predictions: Predictions) -> pd.DataFrame:
    return TABLES[name](_predictions)


def calibration_error(run: Run, split: str) -> float:
    """Return the expected calibration error, in [0, 1]."""
    return _calibration_error(predictions_key(run, split), predictions(run, split))


@st.cache_data(max_entries=256, show_spinner=False)
def _calibration_error(key: tuple, _predictions: Predictions) -> float:
    return expected_calibration_error(_predictions)


def images_problem(run: Run, split: str) -> str | None:
    """Return why a run's images cannot be shown, or None."""
    try:
        images(run, split)
    except CoreError as error:
        return str(error)
    return None


def runs_with_predictions() -> list[Run]:
    """Return the runs that have something to evaluate, newest first."""
    return [run for run in store().runs() if not run.damaged and splits_with_predictions(run)]


def splits_with_predictions(run: Run) -> list[str]:
    """Return the splits whose outputs a run has stored, the most telling first."""
    # A stopped run answered with its best weights too, unless it was stopped before its first epoch or as they were loaded.
    has_test = run.state.state == "finished" or (
        run.state.state == "stopped" and run.layout.test_json.is_file()
    )
    splits = ["test"] if has_test else []
    return [*splits, "validation"] if run.state.best_epoch else splits
