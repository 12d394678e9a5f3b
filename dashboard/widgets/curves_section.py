"""Curves: one panel a metric, the mean of each variant's seeds with its band, and all that can be chosen about them.

What is chosen about the panels is `curve_options`; averaging is the business of `core.evaluation.seed_curves`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.charts.seed_curves import seed_curves
from core.charts.style import distinct_colours, metric_title
from core.run_groups import Group, setting_values
from dashboard import compare_data
from dashboard.compare_data import CurveTables
from dashboard.widgets.comparing import Comparing
from dashboard.widgets.curve_options import CurveOptions, curve_options
from dashboard.widgets.figure import figure
from dashboard.widgets.markdown import escaped
from dashboard.widgets.opened_run import open_run, opened_run, run_in_url
from dashboard.widgets.table import shown_table
from dashboard.widgets.table_section import setting_title

MOST_PANELS = 12
MOST_BANDS = 20
FEW_NAMES = 8
"""Variants whose names find room below two panels beside each other."""

HEIGHT = 400
LEGEND_BELOW = {"orientation": "h", "x": 0, "y": -0.2, "yanchor": "top"}
MOST_SAID = 6
DASHES = "Solid: validation. Dotted: train in evaluation mode. Dashed: train. Circle: best epoch of a seed. Cross: its last epoch."
HOW_TO_READ = """
One line per variant: the **mean over its seeds**; the band around it says how far the seeds spread (see "Display"), the
faint lines are the single seeds. **Solid** is the validation split, which no network trains on; **dotted** the training
images with the network as it is used; **dashed** the training images as they came by while the weights were still moving.
A circle marks the epoch whose weights a seed kept, a cross the epoch in which it stopped, a dotted upright line the
beginning of a stage. Hover to see how many seeds were still training. A click on a name in the legend hides a variant, a
double click shows it alone; a click on a line opens its run and leads to the images that it had wrong in that epoch.
"""


def curves_section(now: Comparing) -> None:
    """Show the choices, the panels, and the run of a point that was clicked."""
    options = curve_options(now)
    opened = run_in_url(now)
    if opened:
        left, right = st.columns([11, 9], gap="medium")
        with right:
            opened_run(*opened, now.split, "opened")
    else:
        left = st.container()
    with left:
        panels = [
            (metric, value, groups)
            for metric in options.metrics
            for value, groups in _multiples(now, options)
        ]
        if len(panels) > MOST_PANELS:
            st.caption(f"The first {MOST_PANELS} of {len(panels)} panels are shown.")
        most = max(len(groups) for _, _, groups in panels)
        is_wide = len(panels) == 1 or opened is not None or most > FEW_NAMES
        if not is_wide or opened:
            st.caption(DASHES)
        if len(now.groups) > MOST_BANDS:
            st.caption(f"With more than {MOST_BANDS} variants the bands are left out.")
        columns = st.columns(1 if is_wide else 2, gap="medium")
        for place, (metric, value, groups) in enumerate(panels[:MOST_PANELS]):
            with columns[place % len(columns)]:
                _panel(now, options, metric, value, groups, is_wide=is_wide and opened is None)
        _seeds_left(now, options)
        _last_rows(now)


def _panel(
    now: Comparing,
    options: CurveOptions,
    metric: str,
    value: str | None,
    groups: Sequence[Group],
    *,
    is_wide: bool,
) -> None:
    """Show one panel: a metric, of all groups or of those with one value of a setting."""
    if value is not None:
        st.markdown(f"**{escaped(setting_title(str(options.multiples)))}: {escaped(value)}**")
    tables = options.of_splits(_tables(groups, metric, options))
    labels = list(tables.means["variant"].unique())
    names, colours = _names(now, options)
    has_bands = len(now.groups) <= MOST_BANDS
    key = (metric, tables.key, options, tuple(names.items()), tuple(colours.items()))
    fig = _drawn((*key, has_bands, is_wide), tables, names, colours)
    if value is not None and not options.is_log and not options.is_clipped:
        # Small multiples compare only on one and the same axis.
        every = options.of_splits(_tables(now.groups, metric, options)).means["mean"]
        room = 0.05 * (every.max() - every.min())
        shown = [float(every.min() - room), float(every.max() + room)]
        fig = go.Figure(fig).update_yaxes(range=shown)
    figure(
        fig,
        f"compare-{metric}-{options.axis}" + (f"-{value}" if value is not None else ""),
        alt=f"{metric_title(metric)} of {len(labels)} variants by {options.axis}.",
        how_to_read=HOW_TO_READ,
        table=tables.means,
        height=HEIGHT,
        on_pick=lambda picked: _open(now, labels, picked),
        is_live=True,
    )


@st.cache_resource(max_entries=64, show_spinner=False)
def _drawn(
    key: tuple, _tables: CurveTables, _names: dict[str, str], _colours: dict[str, str]
) -> go.Figure:
    """Return the figure of a panel, drawn once for all sessions: with 50 lines that takes longer than all the rest."""
    metric, _, options, *_, has_bands, is_wide = key
    means = _tables.means.replace({"variant": _names}) if _names else _tables.means
    singles = _tables.singles.replace({"variant": _names}) if _names else _tables.singles
    fig = seed_curves(
        means if has_bands else means.assign(low=np.nan, high=np.nan),
        metric,
        axis=options.axis,
        singles=singles if options.has_seeds else None,
        boundaries=_tables.stages,
        colours=_colours,
        is_log=options.is_log,
        is_clipped=options.is_clipped,
    )
    if not is_wide:
        # The page says once above all panels how the dashes read.
        fig.update_layout(legend=LEGEND_BELOW, legend2={"visible": False}, margin={"t": 12})
    return fig


def _tables(groups: Sequence[Group], metric: str, options: CurveOptions) -> CurveTables:
    return compare_data.curve_tables(
        groups,
        metric,
        axis=options.axis,
        band=options.band,
        ending=options.ending,
        smoothing=options.smoothing,
        has_seeds=options.has_seeds,
        within=options.within,
    )


def _multiples(now: Comparing, options: CurveOptions) -> list[tuple[str | None, Sequence[Group]]]:
    if options.multiples is None:
        return [(None, now.groups)]
    values = setting_values(now.groups, options.multiples)
    return [
        (value, [group for group in now.groups if values[group.label] == value])
        for value in dict.fromkeys(values.values())
    ]


def _names(now: Comparing, options: CurveOptions) -> tuple[dict[str, str], dict[str, str]]:
    """Return label -> what the legend says, and that -> colour; coloured by a setting, its value stands before."""
    if options.colour is None:
        return {}, dict(now.colours)
    values = setting_values(now.groups, options.colour)
    colours = distinct_colours({value: value for value in values.values()})
    names = {label: f"{value}: {label}" for label, value in values.items()}
    return names, {names[label]: colours[value] for label, value in values.items()}


def _open(now: Comparing, labels: Sequence[str], picked: Sequence[Any]) -> None:
    if isinstance(picked[-1], str):
        open_run(picked[-1], int(picked[1]))
    else:
        group = now.group(labels[int(picked[0])])
        open_run(group.runs[0].id if group else None, int(picked[1]))


def _seeds_left(now: Comparing, options: CurveOptions) -> None:
    """Say from which epoch on a mean is one of fewer seeds."""
    found = compare_data.seeds_left(now.groups)
    if not found:
        return
    ends = "carries the last value of a seed that has stopped"
    ends = ends if options.ending == "carry" else "is then the mean of those left"
    said = [f"{escaped(one.label)} {one.left} of {one.of} from epoch {one.epoch}" for one in found]
    more = f" and {len(said) - MOST_SAID} more" if len(said) > MOST_SAID else ""
    st.caption(
        f"Seeds that stopped earlier than others: {'; '.join(said[:MOST_SAID])}{more}. The line {ends}."
    )


def _last_rows(now: Comparing) -> None:
    with st.expander("The last five epochs of each variant", icon=":material/table_rows:"):
        table = compare_data.last_rows(now.groups)
        shares = [name for name in table.columns if name.endswith("accuracy")]
        shown_table(
            _percent(table, shares),
            "compare-last-epochs",
            numbers=lambda: table,
            column_config={
                name: st.column_config.NumberColumn(format="%.1f %%") for name in shares
            },
            placeholder="–",
            alt="The last five rows of the history of each variant's first seed.",
        )


def _percent(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    return table.assign(**{name: 100 * table[name] for name in names})
