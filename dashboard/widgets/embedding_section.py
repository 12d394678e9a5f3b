"""Embedding: a layer of a network as a map of the images, coloured by class, error or confidence; a lasso chooses images."""

from typing import Any

import pandas as pd
import streamlit as st

from core.analysis.embedding import MOST_POINTS
from core.analysis.kept import Kept
from core.analysis.subject import subject_of
from core.charts.embedding import COLOURED_BY
from core.charts.embedding import embedding as embedding_chart
from core.charts.style import samples as samples_in_words
from core.evaluation.data_map import inside
from core.evaluation.samples import samples
from core.exceptions import CoreError
from core.predictions import Predictions
from core.runs.run import Run
from dashboard import data
from dashboard.widgets.asked import layers
from dashboard.widgets.figure import figure
from dashboard.widgets.kept_result import kept_result
from dashboard.widgets.markdown import escaped

WAYS = {"pca": "PCA", "tsne": "t-SNE"}
HEIGHT = 520
HOW_TO_READ = {
    "pca": (
        "Each point is an image, placed by the two directions in which the features of this layer vary most. How much of the "
        "variance the axes show stands beside them; where it is little, near points may be far apart in truth."
    ),
    "tsne": (
        "Each point is an image, and neighbours have similar features. Distances between groups, and their sizes, mean "
        "little. A wrong image in the middle of another group is one that the network takes for it; one between two groups "
        "is one that it is unsure of."
    ),
}
LASSO = " Draw around points with the lasso, or click one, to see their images."


def embedding_section(run: Run, split: str, key: str) -> list[int] | None:
    """Show the map of a split; return the sample ids that are chosen on it, or None where none are.

    Args:
        run: whose network.
        split: of the images.
        key: of the widget.
    """
    try:
        subject = subject_of(run)
        choices = {one.name: one.words for one in layers(run)}
        predictions = data.predictions(run, split)
    except CoreError as error:
        st.info(escaped(error), icon=":material/visibility_off:")
        return None
    with st.container(horizontal=True, vertical_alignment="center"):
        way = st.segmented_control(
            "Laid out by",
            list(WAYS),
            format_func=lambda one: WAYS[one],
            required=True,
            default="pca",
            key=f"{key}-way",
            persist_state="session",
            label_visibility="collapsed",
        )
        colour = st.segmented_control(
            "Coloured by",
            list(COLOURED_BY),
            format_func=lambda one: f"Colour by {COLOURED_BY[one]}",
            required=True,
            default="class",
            key=f"{key}-colour",
            persist_state="session",
            label_visibility="collapsed",
        )
        layer = st.selectbox(
            "Layer",
            list(choices),
            format_func=lambda one: choices.get(one, one),
            key=f"{key}-layer-{run.id}",  # another network has other layers
            persist_state="session",
            label_visibility="collapsed",
            width=330,
        )
    settings = {"layer": layer, "way": way, "split": split}
    found = kept_result(
        subject,
        "embedding",
        settings,
        "Map",
        f"Lays out up to {MOST_POINTS:,} images of {escaped(split)}: "
        + ("some seconds." if way == "pca" else "half a minute or so."),
        key,
    )
    if found is None:
        return None
    return _map(run, found, predictions, settings, colour, key)


def _map(
    run: Run, found: Kept, predictions: Predictions, settings: dict[str, str], colour: str, key: str
) -> list[int] | None:
    table = _table(found, predictions)
    place = f"{key}-chosen"
    name = f"{run.id} {settings}"
    chosen = st.session_state.get(place)
    ids: list[int] | None = chosen[1:] if chosen and chosen[0] == name else None
    explained = found.facts.get("explained")

    def region(x: list[float], y: list[float]) -> None:
        is_inside = inside(table, x, y, ("x", "y"))
        _choose(place, name, table["sample_id"][is_inside].tolist())

    def point(custom: list[Any]) -> None:
        _choose(place, name, [int(custom[0])])

    figure(
        embedding_chart(
            table,
            None if explained is None else (explained[0], explained[1]),
            colour,
            ids[0] if ids is not None and len(ids) == 1 else None,
        ),
        f"{key}-map-{settings['way']}",
        alt=f"Map of {len(table):,} images of {settings['split']} by {WAYS[settings['way']]}.",
        how_to_read=HOW_TO_READ[settings["way"]] + LASSO,
        table=table,
        height=HEIGHT,
        on_pick=point,
        on_region=region,
    )
    if len(table) < len(predictions):
        st.caption(
            f"{samples_in_words(len(table))} of {len(predictions):,}, drawn from each class in proportion."
        )
    if ids is None:
        return None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{samples_in_words(len(ids))}** chosen on the map", width="content")
        st.button(
            "Forget the choice",
            icon=":material/close:",
            key=f"{key}-forget",
            type="tertiary",
            on_click=lambda: st.session_state.pop(place, None),
        )
    return ids


def _choose(place: str, name: str, ids: list[int]) -> None:
    if ids:
        st.session_state[place] = [name, *ids]
    else:
        st.session_state.pop(place, None)


def _table(found: Kept, predictions: Predictions) -> pd.DataFrame:
    points = found.arrays["points"]
    places = pd.DataFrame(
        {"sample_id": found.arrays["sample_ids"], "x": points[:, 0], "y": points[:, 1]}
    )
    return places.merge(samples(predictions), on="sample_id")
