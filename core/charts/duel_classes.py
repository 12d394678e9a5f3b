"""Classes of a duel: where one variant gets images that the other does not, class by class.

Separate as each chart is. It leaves out the images on which both agree.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style

MOST_CLASSES = 20


def duel_classes(
    table: pd.DataFrame, a: str, b: str, *, colours: Mapping[str, str] | None = None
) -> go.Figure:
    """Draw two bars per class from the middle: images that only the first variant gets, and only the second one.

    The classes that moved most are on top; of more than 20 these, as the title then says. A click on a bar hands over
    [class, pile].

    Args:
        table: `Duel.classes`: class, class_name, images, only_a, only_b, moved.
        a: name of the first variant, to the right.
        b: name of the second one, to the left.
        colours: variant -> "#RRGGBB"; by its name where it is missing.
    """
    fig = style.figure("Images that only one variant gets right", "Class")
    if table.empty:
        return style.with_note(fig, "No images to compare on.")
    if len(table) > MOST_CLASSES:
        fig.update_layout(title_text=f"The {MOST_CLASSES} of {len(table)} classes that moved most")
        table = table.head(MOST_CLASSES)
    places = np.arange(len(table))
    for name, pile, sign in ((b, "only_b", -1), (a, "only_a", 1)):
        counts = table[pile].to_numpy(np.int32)
        fig.add_bar(
            x=sign * counts,
            y=places,
            orientation="h",
            marker={"color": (colours or {}).get(name) or style.variant_colour(name)},
            name=f"only {style.text(name)}",
            text=[f"{count:,}" if count else "" for count in counts.tolist()],
            textposition="outside",
            cliponaxis=False,
            customdata=[[int(number), pile] for number in table["class"]],
            hovertemplate="%{y}: %{text} images, %{fullData.name}<extra></extra>",
        )
    most = max(1, int(table[["only_a", "only_b"]].to_numpy().max()))
    # Counts to both sides: the sign only says which variant.
    fig.update_xaxes(range=[-1.2 * most, 1.2 * most], showticklabels=False, showgrid=False)
    fig.update_yaxes(
        tickvals=places.tolist(),
        ticktext=[style.text(name) for name in table["class_name"]],
        autorange="reversed",
        showgrid=False,
        zeroline=False,
    )
    return fig.update_layout(
        height=max(260, 120 + 26 * len(table)),
        barmode="relative",
        bargap=0.3,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    )
