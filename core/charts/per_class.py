"""Report per class as bars, so that the weak classes stand out.

Separate as each chart is. It leaves out the averages, which the table shows better.
"""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style
from core.exceptions import UnknownName

METRICS = ("precision", "recall", "f1", "auc")
MOST_CLASSES = 40
WORST = 30


def per_class(table: pd.DataFrame, metric: str = "f1") -> go.Figure:
    """Draw one bar per class, in class order; of more than 40 classes the 30 worst, as the title then says.

    A class whose metric is undefined has no bar but the word; among the worst it does not count. A click on a bar
    hands over [class].

    Args:
        table: K rows of `evaluation.per_class`: class, class_name, precision, recall, f1, support, auc and, for the whiskers,
            <metric>_low, <metric>_high.
        metric: the column to draw.

    Raises:
        UnknownName: there is no such metric.
    """
    if metric not in METRICS:
        raise UnknownName("metric per class", metric, METRICS)
    fig = style.figure(style.metric_title(metric), "Class")
    if table.empty:
        return style.with_note(fig, "No classes to report on yet.")
    if len(table) > MOST_CLASSES:
        num_classes = len(table)
        defined = table.dropna(subset=[metric])
        table = defined.nsmallest(WORST, metric, keep="first").sort_values("class")
        name = style.metric_title(metric).split(" (")[0]
        fig.update_layout(title_text=f"The {len(table)} lowest of {num_classes} classes by {name}")
        if table.empty:
            return style.with_note(fig, f"{name} is undefined for every class.")
    positions = np.arange(len(table))
    labels = [
        f"{style.text(row['class_name'])}<br>precision {_number(row['precision'])}, "
        f"recall {_number(row['recall'])}<br>F1 {_number(row['f1'])}, AUC {_number(row['auc'])}<br>"
        f"{style.samples(row['support'])}"
        for row in table.to_dict("records")
    ]
    fig.add_bar(
        x=table[metric].to_numpy(np.float32),
        y=positions,
        orientation="h",
        marker={"color": style.PALETTE[0], "opacity": 0.85},
        # Beside the whisker a number at the end of the bar would be crossed out.
        text=[_number(value) for value in table[metric]],
        textposition="inside",
        insidetextanchor="start",
        error_x=_whiskers(table, metric),
        customdata=[[int(label)] for label in table["class"]],
        hovertext=labels,
        hovertemplate="%{hovertext}<extra></extra>",
    )
    for position in np.flatnonzero(table[metric].isna()):
        fig.add_annotation(
            x=0,
            y=int(position),
            text="undefined",
            showarrow=False,
            xanchor="left",
            font={"color": style.NEUTRAL},
        )
    # From zero to one always: a cut axis makes small differences look large.
    fig.update_xaxes(range=[0, 1.08], tickvals=[0, 0.2, 0.4, 0.6, 0.8, 1], fixedrange=True)
    fig.update_yaxes(
        tickvals=positions.tolist(),
        ticktext=[style.text(name) for name in table["class_name"]],
        range=[len(table) - 0.5, -0.5],
        fixedrange=True,
        showgrid=False,
    )
    fig.update_layout(height=100 + 26 * max(len(table), 4), dragmode=False, showlegend=False)
    return fig


def _whiskers(table: pd.DataFrame, metric: str) -> dict[str, Any]:
    if f"{metric}_low" not in table:
        return {"visible": False}
    value = table[metric].to_numpy(np.float64)
    return {
        "type": "data",
        "symmetric": False,
        "array": np.nan_to_num(table[f"{metric}_high"].to_numpy(np.float64) - value),
        "arrayminus": np.nan_to_num(value - table[f"{metric}_low"].to_numpy(np.float64)),
        "color": style.NEUTRAL,
        "thickness": 1.5,
        "width": 3,
    }


def _number(value: float) -> str:
    return "undefined" if np.isnan(value) else f"{value:.3f}"
