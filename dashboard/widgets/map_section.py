"""Map: the images as points, alike ones near each other; a point opens its image and those around it."""

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.image_map import COLOURED_BY
from core.charts.image_map import image_map as map_chart
from core.datasets.projection import MOST_SAMPLES, ImageMap
from core.datasets.samples import sample_table
from dashboard import data
from dashboard.widgets.background import awaited
from dashboard.widgets.dataset_gallery import dataset_gallery
from dashboard.widgets.figure import figure
from dashboard.widgets.samples_section import split_filter
from dashboard.widgets.selection import Selection, look_at, selection_in_url

WAYS = {"pca": "PCA", "tsne": "t-SNE"}
HEIGHT = 470
NEIGHBOURS = 23
SEED = 0
HOW_TO_READ = {
    "pca": (
        "Each point is an image, placed by the two directions in which the pixels of all images vary most. Near points have "
        "similar pixels; how much of the variance the axes show stands beside them. Click a point to see its image and "
        "those around it."
    ),
    "tsne": (
        "Each point is an image, and neighbours have similar pixels. Distances between groups, and their sizes, mean little. "
        "Classes that mix here are hard to tell apart by their pixels alone. Click a point to see its image and those "
        "around it."
    ),
}


def map_section(loaded: data.Loaded) -> None:
    """Show the map beside the gallery."""
    with st.container(horizontal=True, vertical_alignment="center"):
        way = st.segmented_control(
            "Laid out by",
            list(WAYS),
            format_func=lambda name: WAYS[name],
            required=True,
            default="pca",
            key="way",
            bind="query-params",
            label_visibility="collapsed",
        )
        split = split_filter(loaded)
        colour = st.segmented_control(
            "Coloured by",
            list(COLOURED_BY),
            format_func=lambda name: f"Colour by {COLOURED_BY[name]}",
            required=True,
            default="class_name",
            key="colour",
            bind="query-params",
            label_visibility="collapsed",
        )
    found = _map(loaded, way, split)
    if found is None:
        return
    selection = selection_in_url(loaded)
    point = (
        (selection.split or "", selection.number)
        if selection is not None and selection.kind == "point"
        else None
    )
    left, right = st.columns([11, 9], gap="medium")
    with left:
        highlighted = selection.number if selection and selection.kind == "class" else None
        figure(
            map_chart(found.table, found.explained, colour, highlighted, point),
            f"data-map-{way}",
            alt=f"Map of {len(found.table):,} images by {WAYS[way]}.",
            how_to_read=HOW_TO_READ[way],
            table=found.table,
            height=HEIGHT,
            on_pick=lambda picked: look_at(
                Selection("point", int(picked[1]), split=str(picked[0]))
            ),
        )
    with right:
        _gallery(loaded, found.table, selection)


def _map(loaded: data.Loaded, way: str, split: str | None) -> ImageMap | None:
    if way == "pca":
        with st.spinner("Laying out the images ..."):
            return data.statistic("pca_map", loaded, split, MOST_SAMPLES, SEED)
    arguments = {
        "dataset": dict(loaded.settings),
        "fingerprint": loaded.fingerprint,
        "split": split,
        "num_samples": MOST_SAMPLES,
        "seed": SEED,
    }
    found = awaited("map", arguments, "Map", "map")
    if found is None:
        return None
    points = pd.DataFrame(found)
    parts = [
        sample_table(loaded.dataset, str(name), rows["sample_id"]).assign(
            x=rows["x"].to_numpy(), y=rows["y"].to_numpy()
        )
        for name, rows in points.groupby("split", sort=False)
    ]
    return ImageMap(pd.concat(parts, ignore_index=True), None)


def _gallery(loaded: data.Loaded, table: pd.DataFrame, selection: Selection | None) -> None:
    plain = table.drop(columns=["x", "y"])
    if selection is None:
        dataset_gallery(plain, loaded, "On this map", "map")
        st.caption("Click a point to see its image and those nearest to it on the map.")
        return
    samples = selection.samples(loaded)
    if selection.kind == "point":
        samples = plain.iloc[_nearest(table, selection)]
    if samples is None:
        dataset_gallery(plain, loaded, "On this map", "map")
    else:
        dataset_gallery(samples, loaded, selection.title(loaded), "map", selection)


def _nearest(table: pd.DataFrame, selection: Selection) -> list[int]:
    """Return the positions of a point and its nearest neighbours on the map, nearest first; [] where it is not on it."""
    is_it = (table["split"] == selection.split) & (table["sample_id"] == selection.number)
    if not is_it.any():
        return []
    places = table[["x", "y"]].to_numpy()
    away = ((places - places[is_it.to_numpy()][0]) ** 2).sum(axis=1)
    away[is_it.to_numpy()] = -1
    return np.argsort(away, kind="stable")[: NEIGHBOURS + 1].tolist()
