"""The few numbers that answer first how good a run is on a split."""

import streamlit as st

from core.charts.style import percent, significant
from core.evaluation.counts import OVERALL
from core.runs.run import Run
from dashboard import data
from dashboard.widgets.markdown import with_interval


def scores(run: Run, split: str) -> None:
    """Show accuracy with its interval, losses, calibration error and, where there is a count head, its errors."""
    overall = data.table("accuracy", run, split).iloc[0]
    heads = data.table("losses", run, split).iloc[0]
    counts = data.table("count_errors", run, split)
    interval = with_interval(overall["accuracy"], overall["low"], overall["high"])
    right, samples = int(overall["correct"]), int(overall["samples"])
    shown = [
        (
            "Accuracy",
            interval,
            f"{right:,} of {samples:,} images right. In brackets the 95 % Wilson interval: how far "
            "chance in the choice of the images may have moved the number.",
        ),
        (
            "Class loss",
            f"{significant(heads['class_loss'])} nats",
            "Mean cross entropy: 0 is perfect; guessing evenly among K classes gives ln K.",
        ),
        (
            "Calibration error",
            percent(data.calibration_error(run, split)),
            "Mean gap between how sure the network is and how often it is right (ECE, 15 bins).",
        ),
    ]
    if not counts.empty:
        errors = counts[counts["type"] == OVERALL].iloc[0]
        shown.append(
            (
                "RMSE of counts",
                f"{significant(errors['rmse'])} figures",
                f"Root mean square error of the counted figures; the mean error is {significant(errors['mae'])}.",
            )
        )
    with st.container(horizontal=True, gap="large"):
        for label, value, text in shown:
            st.metric(label, value, help=text, width="content")


def count_tables(run: Run, split: str) -> None:
    """Show the errors of the counts per type and the accuracy per pair of types, where a data set has them."""
    counts, groups = data.table("count_errors", run, split), data.table("per_group", run, split)
    column = st.column_config
    left, right = st.columns(2)
    if not counts.empty:
        left.markdown("**Errors of the counts, in figures**")
        left.dataframe(
            counts,
            hide_index=True,
            height="content",
            column_config={
                "type": "Type",
                "rmse": column.NumberColumn("RMSE", format="%.3f"),
                "mae": column.NumberColumn("MAE", format="%.3f"),
                "samples": column.NumberColumn("Images", format="localized"),
            },
            alt="Root mean square and mean absolute error of the counts per type.",
        )
    if not groups.empty:
        right.markdown("**Accuracy per pair of types**")
        right.dataframe(
            groups,
            hide_index=True,
            height="content",
            column_order=["group", "accuracy", "low", "high", "samples"],
            column_config={
                "group": "Pair",
                "accuracy": column.NumberColumn("Accuracy", format="percent"),
                "low": column.NumberColumn("95 % from", format="percent"),
                "high": column.NumberColumn("to", format="percent"),
                "samples": column.NumberColumn("Images", format="localized"),
            },
            alt="Accuracy per pair of types with its interval.",
        )
