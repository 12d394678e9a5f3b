"""Time machine: confusion matrix, reliability and most confused pairs of the epoch at the cursor, beside the gallery."""

import pandas as pd
import streamlit as st

from core.charts.calibration import calibration as calibration_chart
from core.charts.confusion_matrix import confusion_matrix as matrix_chart
from core.evaluation.calibration import calibration
from core.evaluation.confusion_matrix import confusion_matrix
from core.predictions import Predictions
from dashboard.widgets.case_chips import put_filters
from dashboard.widgets.case_choice import Look, validation_button
from dashboard.widgets.figure import figure
from dashboard.widgets.markdown import escaped

HEIGHT = 300
MOST_PAIRS = 6
MATRIX_HELP = (
    "What the leading run takes for what after the epoch at the cursor: rows are true classes, columns its answers. Click a "
    "cell to see its images. *Play* above shows how confusions come and go while the run learns."
)
RELIABILITY_HELP = (
    "How often the run is right at each confidence, after the epoch at the cursor; bars below the dashed line mean that it is "
    "too sure of itself. Click a bar to see its images."
)


def case_time(look: Look, key: str) -> None:
    """Show the epoch at the cursor.

    Args:
        look: what is looked at.
        key: of the widgets.
    """
    if not look.epochs:
        st.info(
            "Of test there are the best weights alone. Choose validation or train above to move through the epochs.",
            icon=":material/history_toggle_off:",
        )
        validation_button(f"{key}-validation")
    elif look.epoch is None:
        st.caption(f"Epoch {look.lead_epoch}, the best one. Move the cursor above, or press Play.")
    predictions = look.cases.predictions
    matrix, bins = confusion_matrix(predictions), calibration(predictions)
    left, middle, right = st.columns([11, 9, 6], gap="small")
    with left:
        figure(
            matrix_chart(matrix)
            .update_layout(margin={"t": 8})
            .update_traces(showscale=False, selector={"type": "heatmap"}),
            f"{key}-matrix",
            alt="Confusion matrix of the epoch at the cursor.",
            how_to_read=MATRIX_HELP,
            table=matrix,
            height=HEIGHT,
            on_pick=lambda picked: put_filters(
                {"true": str(int(picked[0])), "predicted": str(int(picked[1]))}
            ),
        )
    with middle:
        figure(
            calibration_chart(bins),
            f"{key}-reliability",
            alt="Accuracy by confidence in the epoch at the cursor.",
            how_to_read=RELIABILITY_HELP,
            table=bins,
            height=HEIGHT,
            on_pick=lambda picked: put_filters({"confidence": f"{picked[0]}..{picked[1]}"}),
        )
    with right.container(gap="xxsmall"):
        _pairs(predictions, matrix, key)


def _pairs(predictions: Predictions, matrix: pd.DataFrame, key: str) -> None:
    """Show the pairs of classes that are confused most, each a door to its images."""
    wrong = matrix[(matrix["true"] != matrix["predicted"]) & (matrix["count"] > 0)]
    top = wrong.sort_values("count", ascending=False, kind="stable").head(MOST_PAIRS)
    st.markdown("**Most confused**")
    if top.empty:
        st.caption("Nothing is confused.")
    for place, row in enumerate(top.to_dict("records")):
        st.button(
            f"{row['count']:,} {escaped(row['true_name'])} → {escaped(row['predicted_name'])}",
            key=f"{key}-pair-{place}",
            type="tertiary",
            help="True class, then the answer. Click to see the images.",
            on_click=put_filters,
            args=({"true": str(row["true"]), "predicted": str(row["predicted"])},),
        )
