"""Pairs: every variant against every other one, what could have been detected, and what further seeds would settle."""

import math

import pandas as pd
import streamlit as st

from core.charts.pair_matrix import pair_matrix as pair_chart
from core.evaluation.pair_matrix import pair_matrix
from core.evaluation.scores import METRICS, Metric
from core.lineup import Lineup
from dashboard.widgets.comparing import SECTION, Comparing
from dashboard.widgets.duel_section import open_duel
from dashboard.widgets.figure import figure
from dashboard.widgets.result_section import is_it_real
from dashboard.widgets.table import shown_table

MOST_ROWS = 12
BESIDE_SENTENCES, MOST_HEIGHT = 9, 700
HOW_TO_READ = """
Each cell is the mean of the **row** minus the mean of the **column**, on the same images: blue where the row is better,
orange where it is worse (the other way round for errors, of which less is better). A filled dot ● marks a difference that is
**real**: it would hold for other seeds and other images, after correction for all pairs together (Holm, 5 %). A circle ○ means
that these very networks differ, but there are too few seeds to say it of the variants. Without a mark the two cannot be told
apart. Hover for the interval; click a cell to see the images that only one of the two gets right.
"""


def pairs_section(now: Comparing) -> None:
    """Show the matrix with the sentences beside it, and below the numbers of each pair."""
    found = now.lineup()
    metric = METRICS[found.comparison.metric]
    is_large = len(found.groups) > BESIDE_SENTENCES
    left, right = (
        (st.container(), st.container()) if is_large else st.columns([11, 9], gap="medium")
    )
    with left:
        table = pair_matrix(found.comparison)
        figure(
            pair_chart(table, metric.name),
            "compare-pairs",
            alt=f"Differences in {metric.label} between {len(found.groups)} variants, each against each.",
            how_to_read=HOW_TO_READ,
            table=table,
            height=MOST_HEIGHT if is_large else None,
            on_pick=lambda picked: _open(now, str(picked[0]), str(picked[1])),
        )
    with right:
        is_it_real(found, now)
    if len(found.comparison.pairs):
        _numbers(now, found, metric)


def _numbers(now: Comparing, found: Lineup, metric: Metric) -> None:
    pairs = found.comparison.pairs
    scale = metric.scale
    table = pd.DataFrame(
        {
            "a": pairs["a"],
            "b": pairs["b"],
            **{name: scale * pairs[name] for name in ("difference", "low", "high")},
            "p": pairs["p"],
            "p_adjusted": pairs["p_adjusted"],
            "verdict": [_verdict(row) for row in pairs.to_dict("records")],
            # What lies beyond the metric's range could not be seen at all.
            "detectable": scale * pairs["detectable"].where(pairs["detectable"] <= metric.highest),
            "further_seeds": [_seeds(number) for number in pairs["further_seeds"]],
        }
    )
    column = st.column_config
    unit, number = metric.unit.split(" of ")[0], f"%+.{metric.decimals}f"
    worth = f"{scale * pairs['worth_settling'].iloc[0]:g} {unit}"
    shown_table(
        table,
        "pairs-table",
        most_rows=MOST_ROWS,
        numbers=lambda: pairs,
        column_config={
            "a": column.TextColumn("First"),
            "b": column.TextColumn("Second"),
            "difference": column.NumberColumn(
                f"Difference ({unit})", format=number, width=125, help="First minus second."
            ),
            "low": column.NumberColumn("95 % from", format=number, width=80),
            "high": column.NumberColumn("to", format=number, width=70),
            "p": column.NumberColumn("p", format="%.2g", width=70),
            "p_adjusted": column.NumberColumn(
                "p, adjusted",
                format="%.2g",
                width=90,
                help="After Holm, for all these pairs together.",
            ),
            "verdict": column.TextColumn("Verdict"),
            "detectable": column.NumberColumn(
                f"Seen from ({unit})",
                format=f"%.{metric.decimals}f",
                width=125,
                help="The smallest true difference that these images and seeds would show in 4 of 5 comparisons.",
            ),
            "further_seeds": column.TextColumn(
                f"More seeds for {worth}",
                help=f"Further seeds of both that would settle a true difference of {worth}.",
            ),
        },
        placeholder="–",
        on_select=lambda: _chosen(now, pairs),
        selection_mode="single-cell",
        alt="The difference of each pair with its interval, p-values and what could be detected.",
    )
    st.caption("Click a cell or a row to see the images that only one of the two gets right.")


def _verdict(row: dict) -> str:
    if row["real"]:
        return "real"
    return "these networks differ" if row["networks_differ"] else "cannot be told apart"


def _seeds(number: float) -> str:
    if math.isnan(number):
        return "unknown: too few seeds"
    return "none would do" if math.isinf(number) else f"{number:,.0f}"


def _chosen(now: Comparing, pairs: pd.DataFrame) -> None:
    cells = st.session_state["pairs-table"]["selection"]["cells"]
    if cells:
        row = pairs.iloc[cells[0][0]]
        _open(now, str(row["a"]), str(row["b"]))


def _open(now: Comparing, a: str, b: str) -> None:
    open_duel(now, a, b)
    st.session_state[SECTION] = "duel"
