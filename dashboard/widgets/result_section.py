"""Result: how good each variant is, as bars, and beside them in words which of the differences are real."""

from typing import Any

import pandas as pd
import streamlit as st

from core.charts.best_bars import best_bars
from core.evaluation.scores import METRICS
from core.evaluation.sentences import standing_sentence
from core.lineup import Lineup
from dashboard.widgets.comparing import Comparing
from dashboard.widgets.figure import figure
from dashboard.widgets.markdown import escaped
from dashboard.widgets.opened_run import open_variant, opened_run, run_in_url
from dashboard.widgets.table import shown_table

FEW_PAIRS, MOST_SENTENCES = 3, 6
ROOM_FOR_NUMBERS = 105
REAL, NETWORKS, UNKNOWN = (
    ":green[:material/check_circle:]",
    ":orange[:material/contrast:]",
    ":gray[:material/drag_handle:]",
)
ORDER = (REAL, NETWORKS, UNKNOWN)
HOW_TO_READ = """
One bar a variant: the mean over its seeds. What stands in brackets, and the thin line, is the **95 % interval**: with three
seeds or more it covers other seeds and other images; with fewer only other images, and says nothing about the variant. The
dashed line is the baseline. Do not judge a difference by whether two intervals overlap: that is what the sentences beside
the bars are for, which compare the variants **on the same images**. A click on a bar shows the images that it gets wrong.

On *validation* each run shows its best epoch, chosen on these very images, so all values are a little too high; on *test*
the weights of that epoch are judged on images that decided nothing.
"""


def result_section(now: Comparing) -> None:
    """Show bars and sentences; where a bar was clicked, its run instead of the sentences."""
    found = now.lineup()
    left, right = st.columns([11, 9], gap="medium")
    with left:
        _bars(now, found)
    with right:
        opened = run_in_url(now)
        if opened:
            opened_run(*opened, now.split, "opened")
        else:
            is_it_real(found, now)
    if opened is None:
        _ranks(found)


def is_it_real(found: Lineup, now: Comparing) -> None:
    """Show the sentences: of the pairs with the baseline, of the ranks, of what could be told, of what is left out."""
    metric = METRICS[found.comparison.metric]
    st.markdown(
        f"**Is it real?** {metric.label[0].upper()}{metric.label[1:]} on {found.comparison.num_images:,} images of "
        f"{found.split}"
    )
    sentences = found.comparison.sentences
    told = _told(found)
    marks = [
        REAL if row["real"] else NETWORKS if row["networks_differ"] else UNKNOWN for row in told
    ]
    # The sentences about pairs come first, in the order of the pairs; what is real must not be folded away.
    pairs = [
        f"{mark} {escaped(sentence)}"
        for mark, sentence in sorted(
            zip(marks, sentences, strict=False), key=lambda one: ORDER.index(one[0])
        )
    ]
    others = [escaped(sentence) for sentence in sentences[len(told) :]]
    standing = standing_sentence(_reference(found), told, metric)
    if standing:
        others.insert(0, f"**{escaped(standing)}**")
    if not told:
        others.insert(
            0, "There is one variant alone. Choose or train another one to compare it with."
        )
    # The sum of it must be seen without scrolling.
    shown = [*pairs, *others] if len(pairs) <= FEW_PAIRS else [*others, *pairs[:MOST_SENTENCES]]
    with st.container(gap="xsmall"):
        for line in shown:
            st.markdown(line)
    if len(pairs) > MOST_SENTENCES:
        with st.expander(f"{len(pairs) - MOST_SENTENCES} more pairs"):
            for line in pairs[MOST_SENTENCES:]:
                st.markdown(line)
    left_out(found, now)


def left_out(found: Lineup, now: Comparing) -> None:
    """Name what does not take part, or not fully, with the reason."""
    reasons = [*now.damaged, *found.left_out]
    if reasons:
        number = "1 note" if len(reasons) == 1 else f"{len(reasons)} notes"
        with st.expander(
            f"{number} on what is compared", icon=":material/rule:", expanded=len(reasons) <= 2
        ):
            st.markdown("\n".join(f"- {escaped(reason)}" for reason in reasons))


def _bars(now: Comparing, found: Lineup) -> None:
    table = found.comparison.variants
    is_zoomed = (
        st.segmented_control(
            "Axis",
            ["zero", "zoom"],
            format_func=lambda one: {"zero": "Axis from 0", "zoom": "Zoomed"}[one],
            required=True,
            default="zoom",
            key="axis",
            bind="query-params",
            label_visibility="collapsed",
        )
        == "zoom"
    )
    fig = best_bars(
        table,
        found.comparison.metric,
        baseline=found.comparison.baseline,
        is_zoomed=is_zoomed,
        colours=now.colours,
        marks={_other(row, found): _dot(row) for row in _told(found)},
    )
    # The numbers stand to the right of the longest interval; beside the page's own words no title is needed.
    fig.update_layout(margin={"t": 10, "r": ROOM_FOR_NUMBERS}).update_yaxes(title_text=None)
    figure(
        fig,
        "compare-bars",
        alt=f"{METRICS[found.comparison.metric].label} of {len(table)} variants on {found.split} with intervals.",
        how_to_read=HOW_TO_READ,
        table=table,
        on_pick=lambda picked: open_variant(now, str(picked[0])),
    )
    if len(table) > 1:
        st.caption(
            f"● really differs from {escaped(_reference(found))}. ○ only these networks do, of too few seeds. "
            "Without a mark: cannot be told apart."
        )


def _reference(found: Lineup) -> str:
    """Return what the others are held against: the baseline, or the best."""
    return found.comparison.baseline or str(found.comparison.variants["variant"].iloc[0])


def _told(found: Lineup) -> list[dict[str, Any]]:
    """Return the pairs that the sentences are about, in their order."""
    pairs, reference = found.comparison.pairs, _reference(found)
    told = pairs[(pairs["a"] == reference) | (pairs["b"] == reference)]
    return [{str(name): value for name, value in row.items()} for row in told.to_dict("records")]


def _other(row: dict[str, Any], found: Lineup) -> str:
    return row["a"] if row["b"] == _reference(found) else row["b"]


def _dot(row: dict[str, Any]) -> str:
    return "●" if row["real"] else "○" if row["networks_differ"] else ""


def _ranks(found: Lineup) -> None:
    """Show how far up and down each variant may stand."""
    variants = found.comparison.variants
    if len(variants) < 2:
        return
    table = pd.DataFrame(
        {
            "Variant": variants["variant"],
            "Rank": [
                f"{low}" if low == high else f"{low} to {high}"
                for low, high in zip(variants["rank"], variants["rank_to"], strict=True)
            ],
            "Seeds": variants["runs"],
            "Interval covers": variants["covers"],
        }
    )
    st.markdown("**Ranks**: what cannot be told apart shares them")
    shown_table(
        table,
        "compare-ranks",
        numbers=lambda: variants[["variant", "rank", "rank_to", "runs", "covers"]],
        width=560,
        alt="How far up and down each variant may stand.",
    )
