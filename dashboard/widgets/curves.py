"""Learning curves of several runs, with the choice of the metric."""

from collections.abc import Sequence

import streamlit as st

from core.charts.learning_curves import learning_curves
from core.charts.style import metric_title
from core.evaluation.learning_curves import history_key
from core.runs.run import Run
from dashboard import data
from dashboard.widgets.figure import figure
from dashboard.widgets.run_picker import titles_of

MOST_LINES = 20
"""Lines drawn at once; more are no longer told apart, and each costs the browser time at every update."""

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
heart. The circle marks the epoch whose weights are kept.
"""


def curves(runs: Sequence[Run], key: str, height: int) -> None:
    """Show the curves of the runs, the newest ones where there are too many to draw.

    Args:
        runs: those chosen, newest first.
        key: of the widget.
        height: of the figure in pixels.
    """
    known = [name for name in METRICS if any(_has(run, name) for run in runs)] or ["accuracy"]
    lines = sum(_num_lines(run, "accuracy") for run in runs)
    shown = list(runs)
    while len(shown) > 1 and sum(_num_lines(run, "accuracy") for run in shown) > MOST_LINES:
        shown.pop()
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
        if len(shown) < len(runs):
            st.caption(
                f"{len(shown)} of {len(runs)} chosen runs shown ({lines} lines are too many)."
            )
    labels = titles_of(shown)
    table = data.curves(shown, metric or known[0], labels)
    figure(
        learning_curves(table, metric or known[0]),
        key,
        alt=f"{metric_title(metric or known[0])} by epoch of {len(shown)} runs.",
        how_to_read=HOW_TO_READ,
        table=table,
        height=height,
        is_live=True,
    )


def _has(run: Run, metric: str) -> bool:
    return _num_lines(run, metric) > 0


def _num_lines(run: Run, metric: str) -> int:
    rows = data.history(run)[1]
    return sum(any(history_key(split, metric) in row for row in rows[-1:]) for split in SPLITS)
