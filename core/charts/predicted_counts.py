"""How many images were taken for each class, where nobody knows the truth: one bar a class.

Separate as each chart is. Known classes of a data set are `class_counts`'s.
"""

import pandas as pd
import plotly.graph_objects as go

from core.charts import style

X_TITLE, Y_TITLE = "Images", "Predicted class"


def predicted_counts(table: pd.DataFrame) -> go.Figure:
    """Draw the images of each predicted class as bars; a click hands over [label].

    Args:
        table: columns label, class_name, count (images).
    """
    fig = style.figure(X_TITLE, Y_TITLE)
    if table.empty or not table["count"].sum():
        return style.with_note(fig, "Nothing was predicted.")
    total = int(table["count"].sum())
    rows = table.to_dict("records")
    fig.add_bar(
        x=table["count"].to_numpy(),
        y=[style.text(name) for name in table["class_name"]],
        orientation="h",
        marker={"color": style.PALETTE[0]},
        customdata=[[int(row["label"])] for row in rows],
        hovertext=[
            f"{style.text(row['class_name'])}<br><b>{row['count']:,} images</b>, "
            f"{style.percent(row['count'] / total)}"
            for row in rows
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    fig.update_yaxes(autorange="reversed", fixedrange=True, type="category", automargin=True)
    fig.update_xaxes(rangemode="tozero", tickformat=style.COUNT_FORMAT, fixedrange=True)
    return fig.update_layout(height=max(220, 90 + 22 * len(table)), dragmode=False)
