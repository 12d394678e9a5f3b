"""Curves of variants: the mean of the seeds with its band, single seeds faint behind, one dash per split.

Separate from `learning_curves.py`, which draws runs one by one while they train. It leaves out averaging, smoothing and
thinning the lines (`core.evaluation.seed_curves`).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts import style

SPLIT_ORDER = ("validation", "train_eval", "train")
AXIS_TITLES = {
    "epoch": "Epoch",
    "step": "Optimizer steps",
    "seconds": "Seconds of training and evaluation",
    "samples": "Training images seen",
}
MOST_EPOCHS_WITH_TICKS = 15
CLIPPED_SHARE = 0.02
"""Share of the values that "clipped" leaves out at either end; one value at least."""
FEWEST_TO_CLIP = 5
"""With fewer values none is an outlier."""


def seed_curves(
    table: pd.DataFrame,
    metric: str = "accuracy",
    *,
    axis: str = "epoch",
    singles: pd.DataFrame | None = None,
    boundaries: pd.DataFrame | None = None,
    colours: Mapping[str, str] | None = None,
    is_log: bool = False,
    is_clipped: bool = False,
) -> go.Figure:
    """Draw a mean line per variant and split.

    The band is drawn of validation alone, or of the only split there is. Where the table holds smoothed values these are
    the line, and the mean is faint behind. A click on a point of a mean line hands over [place of the variant in the
    table, epoch]; on a marker also the run.

    Args:
        table: rows of `evaluation.seed_curves`: variant, split, epoch, x, mean, low, high, num_seeds and, optional,
            smoothed.
        metric: what the values are; names the axis, "accuracy" in percent.
        axis: what x is: "epoch", "step", "seconds" or "samples".
        singles: rows of `evaluation.single_curves`; their best epochs (circle) and last epochs (cross) are marked.
        boundaries: rows of `evaluation.stage_boundaries`: dotted lines.
        colours: variant -> "#RRGGBB"; by its name where it is missing.
        is_log: whether the values stand on a logarithmic axis.
        is_clipped: whether the axis leaves out the outermost of 5 values or more, as its title then says.

    Raises:
        UnknownName: a split has no dash.
    """
    fig = style.figure(AXIS_TITLES.get(axis, axis), style.metric_title(metric))
    fig.update_layout(uirevision="keep", hovermode="closest")
    if table.empty:
        return style.with_note(fig, "No epoch has ended yet.")
    is_share = metric == "accuracy"
    number_format = style.PERCENT_FORMAT if is_share else style.SIGNIFICANT_FORMAT
    for place, (name, lines) in enumerate(table.groupby("variant", sort=False)):
        variant = str(name)
        colour = (colours or {}).get(variant) or style.variant_colour(variant)
        if singles is not None:
            _add_singles(fig, singles[singles["variant"] == variant], variant, colour)
        _add_variant(fig, lines, variant, colour, place, number_format)
        if singles is not None:
            _add_marks(
                fig, singles[singles["variant"] == variant], variant, colour, place, number_format
            )
    _explain(fig, [split for split in SPLIT_ORDER if (table["split"] == split).any()], singles)
    if boundaries is not None:
        for x, stages in boundaries.groupby(boundaries["x"].round(6)):
            number = int(stages["stage"].min()) + 1
            fig.add_vline(x, line={"color": style.NEUTRAL, "dash": "dot", "width": 1})
            fig.add_annotation(
                x=x,
                y=1,
                yref="paper",
                yanchor="bottom",
                xanchor="left",
                showarrow=False,
                text=f"stage {number}",
                font={"color": style.NEUTRAL, "size": 11},
            )
    _set_axes(fig, table, metric, is_log, is_clipped)
    if axis == "epoch":
        is_short = np.ptp(table["epoch"]) <= MOST_EPOCHS_WITH_TICKS
        fig.update_xaxes(tickformat="d", dtick=1 if is_short else None)
    style.curve_legends(fig, 1.06)
    return fig


def _add_variant(
    fig: go.Figure, lines: pd.DataFrame, variant: str, colour: str, place: int, number_format: str
) -> None:
    known = [split for split in SPLIT_ORDER if (lines["split"] == split).any()]
    unknown = sorted(set(lines["split"]) - set(SPLIT_ORDER))
    for number, split in enumerate([*known, *unknown]):
        line = lines[lines["split"] == split]
        dash = style.dash(split)
        if number == 0:
            _add_band(fig, line, variant, colour)
        x = line["x"].to_numpy(np.float32)
        drawn = "smoothed" if "smoothed" in line and _differ(line) else "mean"
        if drawn == "smoothed":
            fig.add_scatter(
                x=x,
                y=line["mean"].to_numpy(np.float32),
                mode="lines",
                line={"color": colour, "dash": dash, "width": 1},
                opacity=0.3,
                legendgroup=variant,
                showlegend=False,
                hoverinfo="skip",
            )
        num_seeds = line["num_seeds"].to_numpy(np.int32)
        custom = np.column_stack(
            [np.full(len(line), place), line["epoch"].to_numpy(np.int32), num_seeds]
        ).astype(np.int32)
        fig.add_scatter(
            x=x,
            y=line[drawn].to_numpy(np.float32),
            customdata=custom,
            mode="lines+markers" if len(line) == 1 else "lines",
            line={"color": colour, "dash": dash, "width": 2.5 if split == "validation" else 1.8},
            connectgaps=False,
            name=style.text(variant),
            legendgroup=variant,
            showlegend=number == 0,
            hovertemplate=f"%{{fullData.name}}<br>{style.SPLIT_TITLES[split]}, epoch %{{customdata[1]}}, "
            f"%{{customdata[2]}} still training: <b>%{{y:{number_format}}}</b><extra></extra>",
        )


def _differ(line: pd.DataFrame) -> bool:
    mean, smoothed = (line[name].to_numpy(np.float64) for name in ("mean", "smoothed"))
    return not np.array_equal(mean, smoothed, equal_nan=True)


def _add_band(fig: go.Figure, line: pd.DataFrame, variant: str, colour: str) -> None:
    """Fill between low and high wherever both are known; a gap in between divides the band."""
    is_known = (line["low"].notna() & line["high"].notna()).to_numpy()
    pieces = np.split(np.arange(len(line)), np.flatnonzero(np.diff(is_known)) + 1)
    x: list[float] = []
    y: list[float] = []
    for piece in pieces:
        if not len(piece) or not is_known[piece[0]]:
            continue
        part = line.iloc[piece]
        # A gap ends one outline and begins the next.
        x += ([np.nan] if x else []) + [*part["x"], *part["x"][::-1]]
        y += ([np.nan] if y else []) + [*part["high"], *part["low"][::-1]]
    if not x:
        return
    fig.add_scatter(
        x=np.array(x, dtype=np.float32),
        y=np.array(y, dtype=np.float32),
        mode="none",
        fill="toself",
        fillcolor=_faint(colour),
        legendgroup=variant,
        showlegend=False,
        hoverinfo="skip",
    )


def _add_singles(fig: go.Figure, singles: pd.DataFrame, variant: str, colour: str) -> None:
    """Draw all seeds of a variant in one trace a split, with a gap between two seeds."""
    for split, lines in singles.groupby("split", sort=False):
        gap = pd.DataFrame({"x": [np.nan], "value": [np.nan]})
        parts = [part for _, line in lines.groupby("run", sort=False) for part in (line, gap)][:-1]
        joined = pd.concat([part[["x", "value"]] for part in parts])
        fig.add_scatter(
            x=joined["x"].to_numpy(np.float32),
            y=joined["value"].to_numpy(np.float32),
            mode="lines",
            line={"color": colour, "dash": style.dash(str(split)), "width": 1},
            opacity=0.3,
            connectgaps=False,
            legendgroup=variant,
            showlegend=False,
            hoverinfo="skip",
        )


def _add_marks(
    fig: go.Figure,
    singles: pd.DataFrame,
    variant: str,
    colour: str,
    place: int,
    number_format: str,
) -> None:
    marks = (("is_best", "circle-open", "best epoch"), ("is_last", "x-thin", "last epoch"))
    for column, symbol, words in marks:
        marked = singles[singles[column].astype(bool) & (singles["split"] == "validation")]
        if marked.empty:
            continue
        fig.add_scatter(
            x=marked["x"].to_numpy(np.float32),
            y=marked["value"].to_numpy(np.float32),
            customdata=[
                [place, int(epoch), str(run)]
                for epoch, run in zip(marked["epoch"], marked["run"], strict=True)
            ],
            mode="markers",
            marker={"symbol": symbol, "size": 9, "color": colour}
            | {"line": {"width": 1.5, "color": colour}},
            name=style.text(variant),
            legendgroup=variant,
            showlegend=False,
            hovertemplate=f"%{{fullData.name}}<br>{words} of a seed, %{{customdata[1]}}: "
            f"<b>%{{y:{number_format}}}</b><extra></extra>",
        )


def _explain(fig: go.Figure, splits: list[str], singles: pd.DataFrame | None) -> None:
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
    if singles is None or singles.empty:
        return
    for symbol, words in (("circle-open", "best epoch"), ("x-thin", "last epoch")):
        fig.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            marker={"symbol": symbol, "size": 9, "color": style.NEUTRAL}
            | {"line": {"width": 1.5, "color": style.NEUTRAL}},
            name=words,
            legend="legend2",
            hoverinfo="skip",
        )


def _set_axes(
    fig: go.Figure, table: pd.DataFrame, metric: str, is_log: bool, is_clipped: bool
) -> None:
    is_share, title = metric == "accuracy", style.metric_title(metric)
    fig.update_xaxes(zeroline=False)
    values = table["mean"].to_numpy(np.float64)
    values = values[np.isfinite(values) & ((values > 0) | (not is_log))]
    fig.update_yaxes(zeroline=False, type="log" if is_log else None)
    if is_share:
        is_flat = len(values) > 0 and np.ptp(values) < 0.05
        fig.update_yaxes(tickformat=style.PERCENT_FORMAT if is_flat else ".0%")
    if is_clipped and len(values) >= FEWEST_TO_CLIP:
        # No interpolated quantile: of few points one outlier would pull it along.
        cut = max(1, int(CLIPPED_SHARE * len(values)))
        low, high = np.sort(values)[[cut, -1 - cut]]
        ends = np.log10([low, high]) if is_log else np.array([low, high])
        room = 0.05 * (ends[1] - ends[0]) or 0.05 * abs(ends[0]) or 1.0
        fig.update_yaxes(range=[float(ends[0] - room), float(ends[1] + room)])
        fig.update_yaxes(title_text=f"{title}, outliers cut off")


def _faint(colour: str) -> str:
    """Return "#RRGGBB" as a colour that lets through what lies behind."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"
