"""History of one image: the probability of its true class over the epochs, a line per run.

Separate as each chart is. It leaves out what a run stored of each epoch (`evaluation.sample_history`).
"""

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from core.charts import style

MOST_EPOCHS_WITH_TICKS = 15
MOST_POINTS = 250


def sample_history(
    table: pd.DataFrame, colours: Mapping[str, str] | None = None, epoch: int | None = None
) -> go.Figure:
    """Draw a line per run; a filled circle where it was right, a cross where it was wrong. A click hands over [epoch].

    Args:
        table: rows of `evaluation.sample_history`: label, epoch, probability, predicted_name, is_right; of long runs every
            n-th epoch is drawn, so that a line has at most 250 points.
        colours: label -> "#RRGGBB"; by its name where it is missing.
        epoch: the epoch that the page looks at, drawn as a line.
    """
    fig = style.figure("Epoch", "Probability of the true class (%)")
    if table.empty:
        return style.with_note(fig, "No epoch of this image is stored.")
    for label, rows in table.groupby("label", sort=False):
        rows = rows.iloc[:: -(-len(rows) // MOST_POINTS)]
        colour = (colours or {}).get(str(label)) or style.variant_colour(str(label))
        fig.add_scatter(
            x=rows["epoch"].to_list(),
            y=rows["probability"].to_list(),
            mode="lines+markers",
            name=style.text(label),
            line={"color": colour},
            marker={
                "symbol": ["circle" if one else "x" for one in rows["is_right"]],
                "size": 8,
                "color": colour,
            },
            customdata=[[int(one)] for one in rows["epoch"]],
            hovertext=[
                f"{style.text(label)}, epoch {row['epoch']}: {'right' if row['is_right'] else 'wrong'}, says "
                f"{style.text(row['predicted_name'])}"
                for row in rows.to_dict("records")
            ],
            hovertemplate="%{hovertext}<br>true class %{y:.1%}<extra></extra>",
        )
    if epoch is not None:
        fig.add_vline(x=epoch, line={"color": style.NEUTRAL, "dash": "dot", "width": 1})
    few = table["epoch"].max() - table["epoch"].min() <= MOST_EPOCHS_WITH_TICKS
    fig.update_xaxes(tickformat="d", dtick=1 if few else None, zeroline=False)
    fig.update_yaxes(range=[-0.03, 1.03], tickformat=".0%", zeroline=False)
    return fig.update_layout(
        height=300,
        hovermode="closest",
        showlegend=table["label"].nunique() > 1,
        uirevision="keep",
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    )
