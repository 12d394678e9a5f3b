"""Learning curves: one metric over the epochs, one colour per variant, one dash per split.

Separate as each chart is. It leaves out thinning the lines (`core.evaluation.learning_curves`) and choosing the runs.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style

MOST_EPOCHS_WITH_TICKS = 15
SPLIT_ORDER = ("validation", "train_eval", "train")


def learning_curves(table: pd.DataFrame, metric: str = "accuracy") -> go.Figure:
    """Draw a line per run and split.

    The first run of a variant is drawn full, further ones (other seeds) in the same colour, thinner and fainter. The
    legend names each run once; a second one says how the dashes read.

    Args:
        table: rows of `evaluation.learning_curves`: run, label, variant, split, epoch, value and, optional, is_best
            (marks the run's best epoch).
        metric: what `value` is; names the axis, "accuracy" in percent.

    Raises:
        UnknownName: a split has no dash.
    """
    fig = style.figure("Epoch", style.metric_title(metric))
    # The page redraws as epochs arrive: what the user zoomed or switched off must stay so.
    fig.update_layout(uirevision="keep", hovermode="closest")
    if table.empty:
        return style.with_note(fig, "No epoch has ended yet.")
    is_share = metric == "accuracy"
    number_format = style.PERCENT_FORMAT if is_share else style.SIGNIFICANT_FORMAT
    seen: set[str] = set()
    for run, lines in table.groupby("run", sort=False):
        variant = str(lines["variant"].iloc[0])
        _add_run(fig, str(run), lines, is_first=variant not in seen, number_format=number_format)
        seen.add(variant)
    _explain_dashes(fig, [split for split in SPLIT_ORDER if (table["split"] == split).any()])
    num_epochs = table["epoch"].max() - table["epoch"].min()
    fig.update_xaxes(
        tickformat="d", dtick=1 if num_epochs <= MOST_EPOCHS_WITH_TICKS else None, zeroline=False
    )
    fig.update_yaxes(tickformat=".0%" if is_share else None, zeroline=False)
    if is_share and table["value"].max() - table["value"].min() < 0.05:
        fig.update_yaxes(tickformat=style.PERCENT_FORMAT)
    style.curve_legends(fig, 1.02)
    return fig


def _add_run(
    fig: go.Figure, run: str, lines: pd.DataFrame, *, is_first: bool, number_format: str
) -> None:
    label = style.text(lines["label"].iloc[0])
    colour = style.variant_colour(str(lines["variant"].iloc[0]))
    unknown = set(lines["split"]) - set(SPLIT_ORDER)
    is_named = False
    for split in [*SPLIT_ORDER, *sorted(unknown)]:
        line = lines[lines["split"] == split]
        if line.empty:
            continue
        fig.add_scatter(
            x=line["epoch"].to_numpy(np.int32),
            y=line["value"].to_numpy(np.float32),
            mode="lines+markers" if _has_lone_point(line["value"]) else "lines",
            marker={"size": 7},
            line={"color": colour, "dash": style.dash(split), "width": 2.5 if is_first else 1.5},
            opacity=1.0 if is_first else 0.75,
            connectgaps=False,
            name=label,
            legendgroup=run,
            showlegend=not is_named,
            # For all points at once: a live curve is sent anew with each epoch.
            meta=[run, split],
            hovertemplate=f"%{{fullData.name}}<br>{style.SPLIT_TITLES[split]}, epoch %{{x}}: "
            f"<b>%{{y:{number_format}}}</b><extra></extra>",
        )
        is_named = True
    best = lines[lines["is_best"].astype(bool)] if "is_best" in lines else lines.iloc[:0]
    if not best.empty:
        fig.add_scatter(
            x=best["epoch"].to_numpy(np.int32),
            y=best["value"].to_numpy(np.float32),
            mode="markers",
            marker={"symbol": "circle-open", "size": 12, "color": colour, "line": {"width": 2}},
            name=label,
            legendgroup=run,
            showlegend=False,
            meta=[run, "validation"],
            hovertemplate=f"%{{fullData.name}}<br>best epoch %{{x}}: <b>%{{y:{number_format}}}</b>"
            "<extra></extra>",
        )


def _has_lone_point(values: pd.Series) -> bool:
    """Whether a point stands between gaps or is the only one: without a marker it would not be seen."""
    is_drawn = np.concatenate([[False], values.notna().to_numpy(), [False]])
    return bool((is_drawn[1:-1] & ~is_drawn[:-2] & ~is_drawn[2:]).any())


def _explain_dashes(fig: go.Figure, splits: list[str]) -> None:
    for split in splits:
        fig.add_scatter(
            x=[None],
            y=[None],
            mode="lines",
            line={"color": style.NEUTRAL, "dash": style.dash(split), "width": 2},
            name=style.SPLIT_TITLES[split],
            legend="legend2",
            hoverinfo="skip",
        )
