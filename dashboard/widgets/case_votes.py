"""Votes: what every finished variant says of one image, its top three with probabilities, from stored outputs.

A row for each variant, or with votes=run in the URL for each run.
"""

import pandas as pd
import streamlit as st

from core.charts.style import percent
from core.evaluation.votes import opinions
from core.exceptions import CoreError
from core.predictions import Predictions
from dashboard import compare_data, errors_data
from dashboard.widgets.case_choice import Look
from dashboard.widgets.markdown import escaped
from dashboard.widgets.table import shown_table

TOP = 3
BY = "votes"
MOST_ROWS, ROW_HEIGHT = 4, 78
NAME_WIDTH, ANSWER_WIDTH = 143, 92
"""Pixels: all answers stand beside the open image, in two lines or three."""
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
    shown = _wide(table, by_run)
    text = st.column_config.TextColumn
    shown_table(
        shown,
        "case-votes",
        most_rows=MOST_ROWS,
        row_height=ROW_HEIGHT,
        is_narrow=True,
        numbers=lambda: table,
        column_config={
            "": text("", width=26, help="Whether the first answer is right"),
            "Variant": text("Variant", width=NAME_WIDTH),
            "Run": text("Run", width=NAME_WIDTH),
            **{place: text(place, width=ANSWER_WIDTH) for place in PLACES},
            "Right": text("Right", width=50, help="Seeds that are right, of all it has"),
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


def _wide(table: pd.DataFrame, is_by_run: bool) -> pd.DataFrame:
    """Return a row for each label: its answers side by side."""
    rows = []
    for label, answers in table.groupby("label", sort=False):
        first = answers.iloc[0]
        row = {"": "✓" if first["is_right"] else "✕", "Run" if is_by_run else "Variant": label}
        for place, answer in zip(PLACES, answers.to_dict("records"), strict=False):
            row[place] = f"{answer['class_name']}, {_unbroken(answer['probability'])}"
        if not is_by_run:
            row["Right"] = f"{first['num_right']} / {first['num_runs']}"
        rows.append(row)
    return pd.DataFrame(rows)


def _unbroken(share: float) -> str:
    return percent(share).replace(" ", "\N{NO-BREAK SPACE}")
