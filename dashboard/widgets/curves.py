"""Learning curves of several runs, with the choice of the metric."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.charts.learning_curves import learning_curves
from core.charts.style import SPLIT_TITLES, metric_title
from core.evaluation.learning_curves import history_key
from core.runs.run import Run
from dashboard import data, errors_data
from dashboard.widgets.case_link import open_cases
from dashboard.widgets.figure import figure
from dashboard.widgets.run_picker import titles_of

MOST_LINES = 20
"""Lines of all splits drawn at once; of more, those of the first split alone are drawn, which are a third as many."""
MOST_RUNS = 50
"""Runs drawn at once; more are no longer told apart, and each costs the browser time at every update."""

METRICS = (
    *(
        "accuracy",
        "loss",
        "class_loss",
        "count_loss",
        "count_loss_share",
        "count_rmse",
        "count_mae",
    ),
    *("learning_rate", "gradient_norm", "dead_share"),
)
SPLITS = ("validation", "train_eval", "train")

HOW_TO_READ = """
One line per run, by epoch (one pass over the training split). **Solid** is the validation split, which the network never
trains on; **dotted** the training images with the network as it is used; **dashed** the training images as they came by
while the weights were still moving. When solid and dotted part, the network begins to learn its training images by
heart. The circle marks the epoch whose weights are kept. A click on a line shows the images that the run had wrong in that
epoch.
"""


def curves(runs: Sequence[Run], key: str, height: int) -> None:
    """Show the curves of the runs, the newest ones where there are too many to draw.

    Args:
        runs: those chosen, newest first.
        key: of the widget.
        height: of the figure in pixels.
    """
    known = [name for name in METRICS if any(_splits(run, name) for run in runs)] or ["accuracy"]
    shown = runs[:MOST_RUNS]
    with st.container(horizontal=True, vertical_alignment="center"):
        metric = st.selectbox(
            "Metric",
            known,
            format_func=lambda name: metric_title(name).split(" (")[0],
            key=f"{key}-metric",
            label_visibility="collapsed",
            persist_state="session",
            width=260,
        )
        metric = metric or known[0]
        splits = [_splits(run, metric) for run in shown]
        is_crowded = sum(map(len, splits)) > MOST_LINES
        said = [f"{len(shown)} of {len(runs):,} chosen runs"] if len(shown) < len(runs) else []
        if is_crowded and max(map(len, splits)) > 1:
            said.append(f"{SPLIT_TITLES[SPLITS[0]]} only, as the lines are many")
        if said:
            st.caption(f"Shown: {', '.join(said)}.")
    table = data.curves(shown, metric, titles_of(shown))
    if is_crowded:
        table = first_split(table)
    figure(
        learning_curves(table, metric),
        key,
        alt=f"{metric_title(metric)} by epoch of {len(shown)} runs.",
        how_to_read=HOW_TO_READ,
        table=table,
        height=height,
        on_pick=lambda picked: _open(shown, *picked),
        is_live=True,
    )


def _open(runs: Sequence[Run], run_id: str, split: str, epoch: int) -> None:
    """Go to the images that a run had wrong in an epoch: those of the split, or of validation where no others are stored."""
    run = next(run for run in runs if run.id == run_id)
    stored = errors_data.splits(run)
    if "validation" in stored:
        has_train = split != "validation" and "train" in stored
        open_cases([run], "train" if has_train else "validation", epoch=int(epoch), right="no")


def first_split(table: pd.DataFrame) -> pd.DataFrame:
    """Return of each run's lines that of the first of `SPLITS` that it has."""
    rank = table["split"].map(SPLITS.index)
    return table[rank == rank.groupby(table["run"]).transform("min")]


def _splits(run: Run, metric: str) -> list[str]:
    """Return the splits of which a run has lines."""
    rows = data.history(run)[1]
    return [
        split for split in SPLITS if any(history_key(split, metric) in row for row in rows[-1:])
    ]
