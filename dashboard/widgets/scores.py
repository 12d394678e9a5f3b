"""The few numbers that answer first how good runs are on a split, and behind each the images that it counts."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.style import percent, significant
from dashboard.widgets.evaluating import Evaluating
from dashboard.widgets.markdown import with_interval
from dashboard.widgets.table import shown_table

ROWS_SHOWN = 5
SHARES = ("accuracy", "low", "high", "calibration_error")
"""Columns in [0, 1], shown in percent."""
HELP = {
    "accuracy": "In brackets the 95 % Wilson interval: how far chance in the choice of the images may have moved it.",
    "class_loss": "Mean cross entropy: 0 is perfect; guessing evenly among K classes gives ln K.",
    "count_loss": "Smooth L1 distance of the counted figures from the true ones, mean over images and types.",
    "macro_f1": "Mean over the classes of the harmonic mean of precision and recall; 95 % interval by the delta method.",
    "calibration_error": "Mean gap between how sure the network is and how often it is right (ECE, 15 bins).",
    "rmse": "Root mean square error of the counted figures.",
}


def scores(now: Evaluating, key: str) -> None:
    """Show the scores: of one run as numbers, of several as a table whose rows open that run's mistakes."""
    table = pd.concat(
        [answers.table("scores").assign(run=label) for label, answers in now.answers.items()],
        ignore_index=True,
    )
    if now.is_single:
        _numbers(now, table.iloc[0])
    else:
        _table(now, table, key)


def _numbers(now: Evaluating, row: pd.Series) -> None:
    right, total = int(row["correct"]), int(row["samples"])
    shown: list[tuple[str, str, str]] = [
        (
            "Accuracy",
            with_interval(row["accuracy"], row["low"], row["high"]),
            f"{right:,} of {total:,} images right. {HELP['accuracy']}",
        ),
        ("Class loss", f"{significant(row['class_loss'])} nats", HELP["class_loss"]),
        ("Macro F1", _ratio(row["macro_f1"], row["f1_low"], row["f1_high"]), HELP["macro_f1"]),
        ("Calibration error", percent(row["calibration_error"]), HELP["calibration_error"]),
    ]
    if not np.isnan(row["count_loss"]):
        shown.insert(2, ("Count loss", significant(row["count_loss"]), HELP["count_loss"]))
    if not np.isnan(row["rmse"]):
        text = f"{HELP['rmse']} Mean absolute error: {significant(row['mae'])}."
        shown.append(("RMSE of counts", f"{significant(row['rmse'])} figures", text))
    with st.container(horizontal=True, gap="medium"):
        for label, value, text in shown:
            st.metric(label, value, help=text, width="content")


def _table(now: Evaluating, table: pd.DataFrame, key: str) -> None:
    column = st.column_config
    order = ["run", "accuracy", "low", "high", "class_loss", "macro_f1", "macro_auc"]
    order += ["calibration_error"]
    order += [name for name in ("count_loss", "rmse", "mae") if table[name].notna().any()]
    shown = table.assign(**{name: 100 * table[name] for name in SHARES})
    shown_table(
        shown,
        key,
        most_rows=ROWS_SHOWN,
        numbers=lambda: table,
        column_order=order,
        column_config={
            "run": column.TextColumn("Run", help="Click a row to see that run's mistakes."),
            "accuracy": _share("Accuracy", HELP["accuracy"]),
            "low": _share("95 % from"),
            "high": _share("to"),
            "class_loss": _number("Class loss (nats)", HELP["class_loss"]),
            "macro_f1": _number("Macro F1", HELP["macro_f1"]),
            "macro_auc": _number("Macro AUC", "Mean area under the ROC curve over the classes."),
            "calibration_error": _share("Calibration error", HELP["calibration_error"]),
            "count_loss": _number("Count loss", HELP["count_loss"]),
            "rmse": _number("RMSE (figures)", HELP["rmse"]),
            "mae": _number("MAE (figures)", "Mean absolute error of the counted figures."),
        },
        placeholder="–",
        on_select=lambda: _opened(key, lambda row: now.open(table["run"].iloc[row], right="no")),
        selection_mode="single-cell",
        alt="Scores of each run.",
    )


def _opened(key: str, open_row: Callable[[int], None]) -> None:
    cells = st.session_state[key]["selection"]["cells"]
    if cells:
        open_row(int(cells[0][0]))


def _share(label: str, text: str | None = None) -> Any:
    return st.column_config.NumberColumn(label, format="%.1f %%", help=text)


def _number(label: str, text: str | None = None) -> Any:
    return st.column_config.NumberColumn(label, format="%.3f", help=text)


def _ratio(value: float, low: float, high: float) -> str:
    return "undefined" if np.isnan(value) else f"{value:.3f} [{low:.3f}, {high:.3f}]"
