"""Cost: what a better result costs, in seconds, parameters or multiply-adds, and which variants no other one beats."""

import streamlit as st

from core.charts.cost import cost as cost_chart
from core.charts.style import metric_title
from core.evaluation.cost import cost
from core.evaluation.scores import METRICS
from dashboard.widgets.comparing import Comparing
from dashboard.widgets.figure import figure
from dashboard.widgets.markdown import escaped
from dashboard.widgets.opened_run import open_variant, opened_run, run_in_url

COSTS = {
    "seconds": "Training time",
    "epoch_seconds": "Time of an epoch",
    "plateau_epoch": "Epochs to the plateau",
    "parameters": "Parameters",
    "multiply_adds": "Multiply-adds",
    "peak_memory": "Memory",
}
WIDE = 10
"""Ratio of the dearest to the cheapest from which on the axis is logarithmic at first."""
HEIGHT = 430
HOW_TO_READ = """
One point a variant: how good it is against what it takes, as means over its seeds, with the 95 % interval of the result.
**Up and to the left is better.** Filled points, joined by the dashed line, are the front: no other variant is better at the
same or a lower cost. An open point is beaten by another one on both counts. Chance is not asked here: a variant may stand on
the front by a difference that is not real (see Result). Seconds compare only between runs of one machine that was busy with
nothing else. A click on a point shows the images that the variant gets wrong.
"""


def cost_section(now: Comparing) -> None:
    """Show the choice of the cost, the chart, and the run of a point that was clicked."""
    found = now.lineup(with_costs=True)
    with st.container(horizontal=True, vertical_alignment="center"):
        by = st.segmented_control(
            "Cost",
            list(COSTS),
            format_func=COSTS.__getitem__,
            required=True,
            default="seconds",
            key="cost",
            bind="query-params",
            label_visibility="collapsed",
        )
        metric = METRICS[found.comparison.metric]
        table = cost(
            found.comparison.variants, found.costs, by, is_higher_better=metric.is_higher_better
        )
        is_wide = bool(table["cost"].max() > WIDE * table["cost"].min() > 0)
        is_log = st.toggle("Logarithmic", is_wide, key=f"log-{by}", bind="query-params")
    opened = run_in_url(now)
    left, right = st.columns([11, 9], gap="medium") if opened else (st.container(), None)
    with left:
        figure(
            cost_chart(table, by, found.comparison.metric, is_log=is_log, colours=now.colours),
            "compare-cost",
            alt=f"{metric_title(metric.name)} of {len(table)} variants against {COSTS[by].lower()}.",
            how_to_read=HOW_TO_READ,
            table=table,
            height=HEIGHT,
            on_pick=lambda picked: open_variant(now, str(picked[0])),
        )
        unknown = table.loc[table["cost"].isna(), "variant"].tolist()
        if unknown:
            st.caption(
                f"Not drawn, since their cost is not known: {escaped(', '.join(map(str, unknown)))}."
            )
    if opened and right:
        with right:
            opened_run(*opened, now.split, "opened")
