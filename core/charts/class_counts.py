"""Images of each class as bars, so that rare and missing classes stand out.

Separate as each chart is. It leaves out the verdict on balance, which is a sentence.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style

MOST_NAMED = 40
"""More classes than these stand side by side without their names."""
MOST_TICKS = 30
_NEVER = "never occurs"


def class_counts(table: pd.DataFrame) -> go.Figure:
    """Draw one bar per class, in class order; a class that does not occur is marked, not left out.

    Up to 40 classes lie under each other with their names; more stand side by side, with ticks at the groups where there
    are some. A dashed line is the equal share of the classes that occur. A click hands over [label], on a mark too.

    Args:
        table: K rows of `datasets.classes.class_counts`: label, class_name, group, count, share, is_missing.
    """
    is_named = len(table) <= MOST_NAMED
    fig = style.figure(*(("Images", "Class") if is_named else ("Class", "Images")))
    if table.empty:
        return style.with_note(fig, "No classes to count yet.")
    positions = np.arange(len(table))
    labels = [
        f"{style.text(row['class_name'])}<br><b>{_images(row['count'])}</b>"
        + (f", {style.percent(row['share'])}" if row["count"] else f": {_NEVER}")
        for row in table.to_dict("records")
    ]
    customdata = [[int(label)] for label in table["label"]]
    counts = table["count"].to_numpy()
    bars = {
        "marker": {"color": style.PALETTE[0]},
        "customdata": customdata,
        "hovertext": labels,
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    if is_named:
        fig.add_bar(
            x=counts,
            y=positions,
            orientation="h",
            text=[
                f"{row['count']:,} ({style.percent(row['share'])})" if row["count"] else ""
                for row in table.to_dict("records")
            ],
            textposition="outside",
            cliponaxis=False,
            **bars,
        )
    else:
        # No gap: at 1,000 classes a bar has one pixel.
        fig.update_layout(bargap=0.2 if len(table) <= 200 else 0)
        fig.add_bar(x=positions, y=counts, **bars)
    is_missing = table["is_missing"].to_numpy(bool)
    _mark_missing(fig, table[is_missing], positions[is_missing], labels, is_named)
    occurring = counts[counts > 0]
    if len(occurring):
        line = {"dash": "dash", "color": style.ACCENT, "width": 2}
        equal = float(occurring.mean())
        if is_named:
            fig.add_vline(equal, line=line)
        else:
            fig.add_hline(equal, line=line)
        # Above the plot: beside the line it would lie on bars.
        fig.add_annotation(
            text=f"- - equal shares: {equal:,.0f}",
            x=1,
            y=1,
            xref="paper",
            yref="paper",
            xanchor="right",
            yanchor="bottom",
            showarrow=False,
            font={"color": style.ACCENT},
        )
    largest = max(int(counts.max()), 1)
    ends = [-0.5, len(table) - 0.5]
    ticks, names = _ticks(table)
    axis = {"tickvals": ticks, "ticktext": names, "fixedrange": True, "showgrid": False}
    if is_named:
        # Room for the mark of a missing class.
        fig.update_yaxes(axis, range=ends[::-1], ticklabelstandoff=8)
        fig.update_xaxes(range=[0, 1.22 * largest], tickformat=style.COUNT_FORMAT, fixedrange=True)
        fig.update_layout(height=100 + 26 * max(len(table), 4))
    else:
        fig.update_xaxes(axis, range=ends, tickangle=-45)
        fig.update_yaxes(range=[0, 1.12 * largest], tickformat=style.COUNT_FORMAT, fixedrange=True)
        fig.update_layout(height=420)
    return fig.update_layout(dragmode=False, showlegend=False, hovermode="closest")


def _mark_missing(
    fig: go.Figure, missing: pd.DataFrame, positions: np.ndarray, labels: list[str], is_named: bool
) -> None:
    if missing.empty:
        return
    zeros = np.zeros(len(missing))
    fig.add_scatter(
        x=zeros if is_named else positions,
        y=positions if is_named else zeros,
        mode="markers+text" if is_named else "markers",
        text=_NEVER,
        textposition="middle right",
        textfont={"color": style.ACCENT},
        marker={"symbol": "x", "size": 9 if is_named else 6, "color": style.ACCENT},
        cliponaxis=False,
        customdata=[[int(label)] for label in missing["label"]],
        hovertext=[labels[position] for position in positions],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _ticks(table: pd.DataFrame) -> tuple[list[float], list[str]]:
    """Return positions and names of the ticks: each class, or one per run of a group, or every n-th class."""
    groups = table["group"]
    if len(table) > MOST_NAMED and groups.notna().all():
        block = (groups != groups.shift()).to_numpy().cumsum()
        if block[-1] <= MOST_TICKS:
            members = [np.flatnonzero(block == number) for number in range(1, block[-1] + 1)]
            return (
                [float(classes.mean()) for classes in members],
                [style.text(groups.iloc[classes[0]]) for classes in members],
            )
    step = 1 if len(table) <= MOST_NAMED else -(-len(table) // MOST_TICKS)
    names = table["class_name"].iloc[::step]
    return [float(position) for position in range(0, len(table), step)], [
        style.text(name) for name in names
    ]


def _images(count: int) -> str:
    return f"{count:,} {'image' if count == 1 else 'images'}"
