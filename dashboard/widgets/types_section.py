"""Types of figures: how often images with each pair of types are misclassified, and what a study claimed of it."""

import streamlit as st

from core.charts.type_errors import type_pair_errors
from dashboard import evaluate_data
from dashboard.evaluate_data import HOW_TO_READ
from dashboard.widgets.evaluating import Evaluating
from dashboard.widgets.figure import figure
from dashboard.widgets.markdown import escaped


def claim_sentences(now: Evaluating) -> None:
    """Show what the images say to the claim, in two sentences; nothing where a data set has no such types."""
    found = evaluate_data.claim(now.one)
    if found is not None:
        st.info("  \n".join(escaped(one) for one in found.sentences), icon=":material/fact_check:")


def type_pair_figure(now: Evaluating) -> None:
    """Show the share of mistakes of each pair of types; a click opens that pair's mistakes."""
    table = now.one.table("type_pair_errors")
    classes = dict(
        zip(
            zip(table["row_number"], table["column_number"], strict=True),
            table["classes"],
            strict=True,
        )
    )
    figure(
        type_pair_errors(table),
        "type-pairs",
        alt=f"Share of misclassified images of each pair of types, of {now.shown}.",
        how_to_read=HOW_TO_READ["type_pair_errors"],
        table=table.drop(columns="classes"),
        on_pick=lambda picked: now.open(
            true=",".join(map(str, classes[int(picked[0]), int(picked[1])])), right="no"
        ),
    )
