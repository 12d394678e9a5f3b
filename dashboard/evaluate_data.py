"""Cached readers of the page Evaluate: what is said of one run's outputs on a split, after one epoch.

Beside `dashboard.data`, whose tables are about the best weights: here any epoch may be asked for, and a table that is
known is returned without reading the outputs again, so that fifty runs beside each other stay quick. It leaves out how
anything looks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from core import report
from core.evaluation.accuracy import accuracy
from core.evaluation.calibration import calibration, expected_calibration_error
from core.evaluation.confidence import confidence_histogram, coverage
from core.evaluation.confusion_matrix import confused_pairs
from core.evaluation.count_offsets import count_offsets
from core.evaluation.counts import OVERALL, count_errors, count_residuals, predicted_counts
from core.evaluation.folding import CLUSTERS, Fold, clusters, folded, folds
from core.evaluation.groups import per_group
from core.evaluation.heads import Heads, count_spreads, heads, heads_table
from core.evaluation.losses import losses
from core.evaluation.one_vs_rest import OneVsRest, one_vs_rest
from core.evaluation.per_class import per_class, summary
from core.evaluation.precision_recall import precision_recall
from core.evaluation.roc import roc
from core.evaluation.temperature import temperature as best_temperature
from core.evaluation.temperature import tempered
from core.evaluation.type_errors import TypeClaim, type_claim, type_pair_errors
from core.exceptions import CoreError
from core.predictions import Predictions
from core.runs.run import Run
from dashboard import data, errors_data

CLAIMED_TYPE = "circles"
"""Which type of figure the shapes study claims to be least confused."""

FITTED_ON = "validation"
"""Where temperature and the count head's reliability are found: test is only judged."""


@dataclass(frozen=True)
class Answers:
    """What one run says of a split after one epoch.

    Attributes:
        run: whose.
        split: of the images.
        epoch: of validation and train; None for the best weights.
    """

    run: Run
    split: str
    epoch: int | None = None

    @property
    def key(self) -> tuple:
        """What changes whenever the outputs may."""
        return (*data.predictions_key(self.run, self.split), self.epoch)

    @property
    def predictions(self) -> Predictions:
        """The outputs.

        Raises:
            CoreError: nothing is stored (yet), or it cannot be read.
        """
        return errors_data.predictions(self.run, self.split, self.epoch)

    @property
    def rankings(self) -> OneVsRest:
        """See `core.evaluation.one_vs_rest`."""
        return _rankings(self.key, self)

    @property
    def fitted(self) -> "Answers":
        """What temperature and the reliability of the counts are found on: validation, after the same epoch."""
        return Answers(self.run, FITTED_ON, self.epoch)

    def table(self, name: str, *arguments: Any) -> pd.DataFrame:
        """Return a table of `TABLES`; it is shared and must not be changed.

        Raises:
            CoreError: as `predictions`, and what an argument breaks.
        """
        return _table((name, arguments, self.key, self._fitted_key(name)), self)

    def _fitted_key(self, name: str) -> tuple | None:
        return self.fitted.key if name in _FITTED else None

    def fold(self, text: str) -> Fold:
        """Return the fold that a link names; that of the single classes where it names none that there is."""
        return _fold((text, self.key), self)


@st.cache_resource(max_entries=32, show_spinner=False)
def _rankings(key: tuple, _answers: Answers) -> OneVsRest:
    return one_vs_rest(_answers.predictions)


@st.cache_resource(max_entries=2048, show_spinner=False)
def _table(key: tuple, _answers: Answers) -> pd.DataFrame:
    name, arguments, *_ = key
    return TABLES[name](_answers, *arguments)


@st.cache_resource(max_entries=64, show_spinner=False)
def _fold(key: tuple, _answers: Answers) -> Fold:
    text, _ = key
    declared = folds(_answers.predictions.space)
    kind, _, number = text.partition("-")
    most = len(declared["classes"])
    if kind == CLUSTERS and number.isascii() and number.isdigit() and len(number) < 6:
        return clusters(_answers.predictions, min(max(int(number), 1), most))
    return declared.get(text, declared["classes"])


def temperature(answers: Answers) -> float | None:
    """Return the temperature found on validation; None where a run has no such outputs."""
    try:
        return float(answers.fitted.table("temperature")["temperature"].iloc[0])
    except CoreError:
        return None


def both_heads(answers: Answers) -> Heads | None:
    """Return what class head, count head and both together say; None where a run has not both."""
    return _both_heads((answers.key, answers.fitted.key), answers)


@st.cache_resource(max_entries=16, show_spinner=False)
def _both_heads(key: tuple, _answers: Answers) -> Heads | None:
    if _answers.predictions.counts is None:
        return None
    try:
        spreads = count_spreads(_answers.fitted.predictions)
    except CoreError:
        return None
    return None if spreads is None else heads(_answers.predictions, spreads)


def claim(answers: Answers) -> TypeClaim | None:
    """Return what these images say to the shapes study's claim; None for other data."""
    return _claim(answers.key, answers)


@st.cache_resource(max_entries=64, show_spinner=False)
def _claim(key: tuple, _answers: Answers) -> TypeClaim | None:
    return type_claim(_answers.predictions, CLAIMED_TYPE)


def _scores(answers: Answers) -> pd.DataFrame:
    """Return one row of what answers first how good a run is; what does not exist is NaN.

    Columns: those of `accuracy`, class_loss, count_loss, macro_f1, f1_low, f1_high, macro_auc, calibration_error, rmse, mae.
    """
    predictions = answers.predictions
    averages = summary(predictions, answers.rankings).set_index("average").loc["macro"]
    counts = count_errors(predictions)
    overall = counts[counts["type"] == OVERALL]
    heads_losses = losses(predictions).iloc[0]
    return accuracy(predictions).assign(
        class_loss=heads_losses["class_loss"],
        count_loss=heads_losses["count_loss"],
        macro_f1=averages["f1"],
        f1_low=averages["f1_low"],
        f1_high=averages["f1_high"],
        macro_auc=averages["auc"],
        calibration_error=expected_calibration_error(predictions),
        rmse=overall["rmse"].iloc[0] if len(overall) else float("nan"),
        mae=overall["mae"].iloc[0] if len(overall) else float("nan"),
    )


def _at(answers: Answers, temperature: float | None) -> Predictions:
    return (
        answers.predictions if temperature is None else tempered(answers.predictions, temperature)
    )


def _of_type(table: pd.DataFrame, type_name: str | None, by: list[str]) -> pd.DataFrame:
    if type_name is not None:
        return table[table["type"] == type_name].reset_index(drop=True)
    return table.groupby(by)["samples"].sum().reset_index()


def _predicted_counts(answers: Answers, type_name: str | None) -> pd.DataFrame:
    found = _of_type(predicted_counts(answers.predictions), type_name, ["true", "predicted"])
    of_true = found.groupby("true")["samples"].transform("sum")
    return found.assign(share=found["samples"] / of_true)


def _pairs(answers: Answers, fold: str, most: int) -> pd.DataFrame:
    table = confused_pairs(answers.table("folded", fold), most)
    words = [
        f"{true} \N{RIGHTWARDS ARROW} {predicted}"
        for true, predicted in zip(table["true_name"], table["predicted_name"], strict=True)
    ]
    return table.assign(pair=words)


def _heads_table(answers: Answers) -> pd.DataFrame:
    both = both_heads(answers)
    return pd.DataFrame() if both is None else heads_table(both)


def _curves(made: Callable[..., pd.DataFrame]) -> Callable[..., pd.DataFrame]:
    return lambda answers, labels: made(
        answers.rankings, answers.predictions.space.class_names, list(labels)
    )


TABLES: dict[str, Callable[..., pd.DataFrame]] = {
    "scores": _scores,
    "count_errors": lambda answers: count_errors(answers.predictions),
    "per_group": lambda answers: per_group(answers.predictions),
    "per_class": lambda answers: per_class(answers.predictions, answers.rankings),
    "summary": lambda answers: summary(answers.predictions, answers.rankings),
    "folded": lambda answers, fold: folded(answers.predictions, answers.fold(fold)),
    "confused_pairs": _pairs,
    "roc": _curves(roc),
    "precision_recall": _curves(precision_recall),
    "calibration": lambda answers, t=None: calibration(_at(answers, t)),
    "calibration_error": lambda answers, t=None: pd.DataFrame(
        {"calibration_error": [expected_calibration_error(_at(answers, t))]}
    ),
    "confidence": lambda answers, t=None: confidence_histogram(_at(answers, t)),
    "coverage": lambda answers, t=None: coverage(_at(answers, t)),
    "temperature": lambda answers: pd.DataFrame(
        {"temperature": [best_temperature(answers.predictions)]}
    ),
    "type_pair_errors": lambda answers: type_pair_errors(answers.predictions),
    "count_offsets": lambda answers: count_offsets(answers.predictions),
    "predicted_counts": _predicted_counts,
    "count_residuals": lambda answers, type_name: _of_type(
        count_residuals(answers.predictions), type_name, ["low", "high"]
    ),
    "heads": _heads_table,
}
"""From answers and plain arguments to a table of `core.evaluation`."""

_FITTED = ("heads",)

HOW_TO_READ = {one.name: one.how_to_read for one in report.SECTIONS}
"""Two sentences for each chart."""


def ids_of_bin(answers: Answers, temperature: float, low: float, high: float) -> list[int]:
    """Return the ids of the samples whose confidence at a temperature lies above low, up to and with high; ascending."""
    predictions = _at(answers, temperature)
    with_low = predictions.confidence >= low if low <= 0 else predictions.confidence > low
    return sorted(predictions.sample_ids[with_low & (predictions.confidence <= high)].tolist())
