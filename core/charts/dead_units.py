"""Dead neurons: the share of each layer's units that answered no image, by epoch.

Separate as each chart is. It leaves out which units they are.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style

DASHES = ("solid", "dash", "dot", "dashdot")


def dead_units(table: pd.DataFrame) -> go.Figure:
    """Draw a line per layer; of several runs each has a dash of its own.

    A click on a point hands over [label, layer, epoch].

    Args:
        table: rows of `evaluation.dead_shares`: label, layer, epoch, share.
    """
    fig = style.figure("Epoch", "Dead neurons of the layer (%)")
    if table.empty:
        return style.with_note(fig, "Training of these runs watched no layer for dead neurons.")
    layers = {layer: number for number, layer in enumerate(dict.fromkeys(table["layer"]))}
    labels = {label: number for number, label in enumerate(dict.fromkeys(table["label"]))}
    for (label, layer), line in table.groupby(["label", "layer"], sort=False):
        name = str(layer) if len(labels) == 1 else f"{label}: {layer}"
        fig.add_scatter(
            x=line["epoch"].to_numpy(np.int32),
            y=line["share"].to_numpy(np.float32),
            mode="lines+markers",
            line={
                "color": style.PALETTE[layers[layer] % len(style.PALETTE)],
                "dash": DASHES[labels[label] % len(DASHES)],
                "width": 2,
            },
            marker={"size": 5},
            name=style.text(name),
            customdata=[[str(label), str(layer), int(epoch)] for epoch in line["epoch"]],
            hovertemplate="%{fullData.name}<br>epoch %{x}: <b>%{y:.1%}</b> dead<extra></extra>",
        )
    fig.update_xaxes(tickformat="d", fixedrange=True, zeroline=False)
    fig.update_yaxes(range=[-0.02, 1.02], tickformat=".0%", fixedrange=True, zeroline=False)
    fig.update_layout(height=420, dragmode=False, hovermode="closest", legend={"x": 1.01, "y": 1})
    return fig
