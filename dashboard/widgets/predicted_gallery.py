"""The images behind a prediction whose truth nobody knows: the first of the file, and of each class the least certain."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.charts.predicted_counts import predicted_counts
from core.charts.style import percent
from dashboard.predict_data import Outcome
from dashboard.widgets.figure import figure
from dashboard.widgets.markdown import escaped
from dashboard.widgets.picture_cards import Card, Picture, picture_cards

URL_KEY = "taken-for"
FIRST = "first"
SIDE = 64
COUNTS_SHOWN = 0.5


def predicted_gallery(found: Outcome, key: str) -> None:
    """Show how many images were taken for each class, and the images of the class that is looked at.

    Args:
        found: what predicting a file gave.
        key: of the widgets.
    """
    left, right = st.columns([4, 6], gap="medium")
    names, per_class = found.facts["class_names"], found.facts["per_class"]
    with left:
        table = found.per_class
        figure(
            predicted_counts(table),
            f"{key}-per-class",
            alt="Images of each predicted class as bars.",
            how_to_read="Each bar shows how many images were taken for a class; nobody has checked them. A class with many "
            "more or fewer than you expect is worth a look: click its bar.",
            table=table,
            on_pick=lambda picked: st.query_params.update({URL_KEY: str(int(picked[0]))}),
        )
    with right:
        chosen = _chosen(len(names))
        shown = [label for label, count in enumerate(per_class) if count]
        st.session_state[f"{key}-class"] = chosen if chosen in shown else FIRST
        st.selectbox(
            "Images",
            [FIRST, *shown],
            format_func=lambda one: (
                "First of the file" if one == FIRST else f"{names[one]} ({per_class[one]:,})"
            ),
            key=f"{key}-class",
            on_change=lambda: st.query_params.update(
                {URL_KEY: str(st.session_state[f"{key}-class"])}
            ),
            label_visibility="collapsed",
        )
        if chosen in shown:
            rows = [row for row in found.facts["least_certain"] if row["label"] == chosen]
            st.caption(f"Taken for **{escaped(names[chosen])}**, the least certain first.")
        else:
            rows = found.facts["first"]
            st.caption("The first images of the file, with the class that each was taken for.")
        cards = [_card(place, row, found.facts) for place, row in enumerate(rows)]
        picture_cards(
            cards, found.images[[row["at"] for row in rows]], f"{key}-images", side=SIDE, caption=92
        )


def _chosen(num_classes: int) -> int | None:
    text = st.query_params.get(URL_KEY, FIRST)
    is_label = text.isascii() and text.isdigit() and len(text) < 5 and int(text) < num_classes
    return int(text) if is_label else None


def _card(place: int, row: Mapping[str, Any], facts: Mapping[str, Any]) -> Card:
    has_answer = row["confidence"] is not None
    name = facts["class_names"][row["label"]] if has_answer else "no answer"
    lines = [percent(row["confidence"])] if has_answer else []
    if row["counts"]:
        counted = zip(row["counts"], facts["count_names"], strict=True)
        lines.append(
            ", ".join(f"{count:.1f} {one}" for count, one in counted if count >= COUNTS_SHOWN)
        )
    alt = f"Image {row['id']}, taken for {name}."
    return Card(str(row["position"]), str(row["id"]), [Picture(place, alt, name)], lines)
