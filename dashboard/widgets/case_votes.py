"""Votes: what every finished variant says of one image, its top three with probabilities, from stored outputs.

A row for each variant, or with votes=run in the URL for each run.
"""

import numpy as np
import pandas as pd
import streamlit as st

from core.evaluation.votes import opinions
from core.exceptions import CoreError
from core.predictions import Predictions
from dashboard import compare_data, errors_data
from dashboard.widgets.case_choice import Look
from dashboard.widgets.markdown import escaped
from dashboard.widgets.table import shown_table

TOP = 3
BY = "votes"
MOST_ROWS = 4
MARK_WIDTH, RIGHT_WIDTH, ALL_WIDTH = 26, 50, 494
"""Pixels; the last is what the table has beside the gallery, in a window of 1280."""
LEAST_WIDTH, MOST_NAME = 60, 143
"""Pixels of a column, and of the name where the answers leave it no room. Nothing is broken into lines: Streamlit takes texts
that are a little too long for such that fit, and cuts them off."""
PLACES = ("First", "Second", "Third")


def case_votes(look: Look, sample_id: int) -> None:
    """Show a table with a row for each variant, averaged over its seeds, or for each run.

    Args:
        look: what is looked at.
        sample_id: of the image.
    """
    by_run = st.query_params.get(BY) == "run"
    runs, missing = _asked(look, by_run)
    table = opinions(runs, sample_id, TOP)
    if table.empty:
        st.info("No finished run has outputs of this image.", icon=":material/hourglass_empty:")
        return
    name = "Run" if by_run else "Variant"
    shown = _wide(table, name)
    text = st.column_config.TextColumn
    shown_table(
        shown,
        "case-votes",
        most_rows=MOST_ROWS,
        is_narrow=True,
        numbers=lambda: table,
        column_config={
            "": text("", width=MARK_WIDTH, help="Whether the first answer is right"),
            **{column: text(column, width=width) for column, width in _widths(shown, name).items()},
            "Right": text("Right", width=RIGHT_WIDTH, help="Seeds that are right, of all it has"),
        },
        alt="What every finished variant says of this image.",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        _by_picker(by_run)
        first = (
            f"; first the leading run after epoch {look.epoch}" if look.epoch is not None else ""
        )
        st.caption(f"Best weights of all finished runs on this data{first}.")
    for sentence in missing:
        st.caption(escaped(sentence))


def _by_picker(by_run: bool) -> None:
    key = "case-votes-by-run"
    # The URL is the truth and the widget follows, so that the browser's way back works too.
    st.session_state[key] = by_run
    st.toggle(
        "Single runs",
        key=key,
        on_change=lambda: st.query_params.update(
            {BY: "run" if st.session_state[key] else "variant"}
        ),
        help="A row for each run; otherwise the seeds of a variant are averaged.",
    )


def _asked(look: Look, is_by_run: bool) -> tuple[dict[str, list[Predictions]], list[str]]:
    """Return label -> outputs of its runs, of all finished ones, and who has none that can be read."""
    found: dict[str, list[Predictions]] = {}
    missing = []
    if look.epoch is not None:
        found[f"{look.titles.get(look.lead.id, look.lead.id)}, epoch {look.epoch}"] = [
            look.cases.predictions
        ]
    peers, _ = errors_data.asked_peers(look.lead, look.split)
    if is_by_run:
        members = [(look.titles.get(run.id, run.title), [run]) for run in peers]
    else:
        members = [(group.label, list(group.runs)) for group in compare_data.groups(peers)]
    for label, runs in members:
        outputs = []
        for run in runs:
            try:
                one = look.cases.runs.get(run.id) if look.epoch is None else None
                outputs.append(one or errors_data.predictions(run, look.split))
            except CoreError as error:
                missing.append(f"{run.title}: {error}")
        if outputs and outputs[0].space.class_names == look.space.class_names:
            found[label] = outputs
    return found, missing


def _widths(shown: pd.DataFrame, name: str) -> dict[str, int]:
    """Return how wide the columns of texts are: answers are never cut off, and the name has what they leave, or its least."""
    widths = {place: _width(shown[place], LEAST_WIDTH) for place in PLACES if place in shown}
    left = ALL_WIDTH - MARK_WIDTH - (RIGHT_WIDTH if "Right" in shown else 0) - sum(widths.values())
    least = min(_width(shown[name], LEAST_WIDTH), MOST_NAME)
    return {name: max(left, least)} | widths


def _width(texts: pd.Series, least: int) -> int:
    # 6 pixels a letter, and 18 for the edges of the cell: measured on names and shares in the theme's font.
    return max(least, 18 + 6 * int(texts.str.len().max()))


def _wide(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a row for each label: its answers side by side, the third last, which may have to be scrolled to."""
    rows = []
    for label, answers in table.groupby("label", sort=False):
        first = answers.iloc[0]
        row = {"": "✓" if first["is_right"] else "✕", name: label}
        if name == "Variant":
            row["Right"] = f"{first['num_right']} / {first['num_runs']}"
        for place, answer in zip(PLACES, answers.to_dict("records"), strict=False):
            row[place] = f"{answer['class_name']}, {_whole_percent(answer['probability'])}"
        rows.append(row)
    return pd.DataFrame(rows).fillna("")


def _whole_percent(share: float) -> str:
    """Return a share in [0, 1] as "57 %": of three side by side, the first decimal is never what is looked for."""
    if np.isnan(share):
        return "undefined"
    if share < 0.005:
        return "< 1 %"
    return "> 99 %" if share > 0.995 else f"{100 * share:.0f} %"
