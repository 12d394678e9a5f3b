"""How many figures of each type the images hold: one small chart per type, all to one scale.

Separate as each chart is. It leaves out the counts that a network predicts.
"""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.charts import style

COLUMNS = 3
X_TITLE, Y_TITLE = "Figures in the image", "Images"


def count_distribution(table: pd.DataFrame) -> go.Figure:
    """Draw the images by the number of figures of a type; a click hands over [type, figures].

    Images without a figure of the type have no bar, which would dwarf the others; the small title says how many they are.

    Args:
        table: rows of `datasets.statistics.count_distribution`: type, figures, count, share.
    """
    if table.empty:
        fig = style.figure(X_TITLE, Y_TITLE)
        return style.with_note(fig, "Nothing is counted in these images.")
    types = list(dict.fromkeys(table["type"]))
    present = table[table["figures"] > 0]
    absent = table[table["figures"] == 0].set_index("type")["count"]
    columns = min(COLUMNS, len(types))
    num_rows = -(-len(types) // columns)
    fig = make_subplots(
        num_rows,
        columns,
        shared_xaxes="all",
        shared_yaxes="all",
        vertical_spacing=0.3 / num_rows,
        horizontal_spacing=0.04,
        subplot_titles=[
            f"<b>{style.text(name)}</b>, none in {absent.get(name, 0):,} images" for name in types
        ],
        x_title=X_TITLE,
        y_title=Y_TITLE,
        figure=go.Figure(layout={"template": style.LIGHT}),
    )
    for position, name in enumerate(types):
        rows = present[present["type"] == name]
        fig.add_bar(
            x=rows["figures"].to_numpy(),
            y=rows["count"].to_numpy(),
            row=position // columns + 1,
            col=position % columns + 1,
            marker={"color": style.PALETTE[0]},
            customdata=[[str(name), int(figures)] for figures in rows["figures"]],
            hovertext=[
                f"{row['figures']} {style.text(name)}<br><b>{row['count']:,} images</b>, "
                f"{style.percent(row['share'])}"
                for row in rows.to_dict("records")
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    most = int(table["figures"].max())
    fig.update_xaxes(
        range=[0.4, max(most, 1) + 0.6],
        dtick=max(1, -(-most // 12)),
        tick0=0,
        showticklabels=True,
        fixedrange=True,
        showgrid=False,
    )
    # Said outright: plotly works out a wrong range for axes that match each other.
    fig.update_yaxes(
        range=[0, 1.08 * max([1, *present["count"]])],
        tickformat=style.COUNT_FORMAT,
        fixedrange=True,
    )
    return fig.update_layout(
        height=120 + 190 * num_rows,
        margin={"l": 76, "b": 56, "t": 56},
        dragmode=False,
        showlegend=False,
    )
