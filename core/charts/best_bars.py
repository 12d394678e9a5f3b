"""Bars of the best results: one variant a bar, with its interval, beside the baseline.

Separate as each chart is. It leaves out which differences are real: intervals of two bars that overlap do not tell.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style


def best_bars(
    table: pd.DataFrame,
    metric: str = "accuracy",
    *,
    baseline: str | None = None,
    is_zoomed: bool = False,
    colours: Mapping[str, str] | None = None,
    marks: Mapping[str, str] | None = None,
) -> go.Figure:
    """Draw one bar per variant, in the order of the table from the top, and the baseline's mean as a dashed line.

    A click on a bar hands over [variant].

    Args:
        table: `Comparison.variants`: variant, runs, mean, low, high, covers.
        metric: what the values are, "accuracy" in percent.
        baseline: the variant whose mean is drawn through all bars; none by default.
        is_zoomed: whether the axis shows only where the bars end; it starts at 0 otherwise, and where they end so far apart
            that it would begin below; its title says which.
        colours: variant -> "#RRGGBB"; by its name where it is missing.
        marks: variant -> what stands behind its number, such as a dot where it really differs from the baseline.
    """
    fig = style.figure(style.metric_title(metric), "Variant")
    if table.empty:
        return style.with_note(fig, "No variant has a result yet.")
    is_share = metric == "accuracy"
    names = [str(name) for name in table["variant"]]
    means, lows, highs = (table[name].to_numpy(np.float64) for name in ("mean", "low", "high"))
    rows = table.to_dict("records")
    labels = [_value(row, is_share) for row in rows]
    marked = [
        f"{label} {marks[name]}" if marks and marks.get(name) else label
        for name, label in zip(names, labels, strict=True)
    ]
    fig.add_bar(
        x=means.astype(np.float32),
        y=np.arange(len(table)),
        orientation="h",
        marker={
            "color": [(colours or {}).get(name) or style.variant_colour(name) for name in names]
        },
        error_x={
            "type": "data",
            "array": (highs - means).astype(np.float32),
            "arrayminus": (means - lows).astype(np.float32),
            "color": style.NEUTRAL,
            "thickness": 1.5,
        },
        customdata=[[name] for name in names],
        hovertext=[
            f"{style.text(name)}<br>{label}<br>{_source(row)}"
            for name, label, row in zip(names, labels, rows, strict=True)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    known = np.concatenate([means, lows, highs])
    known = known[np.isfinite(known)]
    least, most = (known.min(), known.max()) if len(known) else (0.0, 1.0)
    room = 0.08 * (most - least) or 0.01
    is_zoomed = is_zoomed and least > room
    if is_zoomed:
        shown = [float(least - room), float(most + 3 * room)]
    else:
        shown = [0.0, float(1.25 * most) or 1.0]
    # Beside the bars' ends their own intervals would lie under the numbers.
    ends = np.where(np.isfinite(highs), highs, means)
    # All at once: adding them one by one takes the square of their number.
    fig.update_layout(
        annotations=[
            {"x": float(end) if np.isfinite(end) else shown[0], "y": place, "text": label}
            | {"showarrow": False, "xanchor": "left", "xshift": 6, "font": {"size": 12}}
            for place, (label, end) in enumerate(zip(marked, ends, strict=True))
        ]
    )
    if baseline in names and np.isfinite(means[names.index(baseline)]):
        fig.add_vline(
            float(means[names.index(baseline)]),
            line={"color": style.NEUTRAL, "dash": "dash", "width": 2},
        )
    where = "zoomed, does not start at 0" if is_zoomed else "from 0"
    fig.update_xaxes(
        range=shown,
        tickformat=".0%" if is_share else None,
        title_text=f"{style.metric_title(metric)}, {where}",
    )
    if is_share and shown[1] - shown[0] < 0.05:
        fig.update_xaxes(tickformat=style.PERCENT_FORMAT)
    fig.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[style.text(name) + (" (baseline)" if name == baseline else "") for name in names],
        autorange="reversed",
        showgrid=False,
        zeroline=False,
    )
    return fig.update_layout(height=max(240, 110 + 30 * len(names)), bargap=0.35)


def _value(row: Mapping, is_share: bool) -> str:
    """Return a value with its interval: "87.2 % [86.6, 87.8]"."""
    mean, low, high = row["mean"], row["low"], row["high"]
    shown = style.percent(mean) if is_share else style.significant(mean)
    if not np.isfinite([low, high]).all():
        return shown
    if is_share:
        return f"{shown} [{100 * low:.1f}, {100 * high:.1f}]"
    return f"{shown} [{style.significant(low)}, {style.significant(high)}]"


def _source(row: Mapping) -> str:
    seeds = f"{row['runs']} {'seed' if row['runs'] == 1 else 'seeds'}"
    return f"mean of {seeds}, 95 % interval over {row['covers']}"
