"""Pixels: grey levels, the dark and the bright share, and the mean image of each class."""

from typing import Any

import streamlit as st

from core.charts.dark_share import dark_share as dark_chart
from core.charts.grey_histogram import grey_histogram as histogram_chart
from core.datasets.pixels import (
    ALL,
    DARK_THRESHOLD,
    MeanImages,
    dark_share,
    grey_histogram,
    pixel_table,
)
from dashboard import data
from dashboard.widgets.dataset_gallery import dataset_gallery
from dashboard.widgets.figure import figure
from dashboard.widgets.gallery import TILES, sheet_of, show_tiles
from dashboard.widgets.samples_section import split_filter
from dashboard.widgets.selection import Selection, look_at, selection_in_url
from dashboard.widgets.table import shown_table

LARGEST_LEVEL = 255
HISTOGRAM_HEIGHT = 290
MOST_MEAN_VALUES = 2_000_000
"""Pixels in the mean images of all classes, at most: two float32 arrays of them are kept."""
PICTURES = {"mean": "Mean", "spread": "Spread"}


def pixels_section(loaded: data.Loaded) -> None:
    """Show shares and histogram beside the gallery, below them the table and the mean images."""
    levels = data.statistic("grey_levels", loaded)
    with st.container(horizontal=True, vertical_alignment="center"):
        split = split_filter(loaded)
        threshold = st.slider(
            "Dark up to grey level",
            0,
            LARGEST_LEVEL - 1,
            DARK_THRESHOLD,
            key="threshold",
            bind="query-params",
            format="dark up to grey %d",
            label_visibility="collapsed",
            width=320,
        )
    left, right = st.columns([11, 9], gap="medium")
    with left:
        table = grey_histogram(levels, threshold, split=split)
        figure(
            histogram_chart(table),
            "data-grey",
            alt=f"Histogram of the grey levels above {threshold}.",
            how_to_read=(
                "How many pixels have each grey level, above the dark ground. Peaks at the right end are pure white; few "
                "levels in between mean drawings rather than photographs. Click a bar to see the images with the most such "
                "pixels."
            ),
            table=table,
            height=HISTOGRAM_HEIGHT,
            on_pick=lambda picked: look_at(
                Selection("grey", int(picked[0]), int(picked[1]), split=split)
            ),
        )
        shares = dark_share(levels, threshold)
        figure(
            dark_chart(shares),
            "data-dark",
            alt=f"Shares of the pixels up to grey level {threshold} and above it.",
            how_to_read=(
                "Which part of all pixels is dark ground. Splits should look alike: otherwise they were drawn from different "
                "sources. Click a part to see the images with the most such pixels."
            ),
            table=shares,
            on_pick=lambda picked: look_at(_part(picked, threshold)),
        )
    with right:
        selection = selection_in_url(loaded)
        samples = None if selection is None else selection.samples(loaded)
        if selection is None or samples is None:
            samples = data.statistic("samples_in_bin", loaded, threshold + 1, LARGEST_LEVEL, split)
            dataset_gallery(samples, loaded, f"Most pixels above grey {threshold}", "pixels")
        else:
            dataset_gallery(samples, loaded, selection.title(loaded), "pixels", selection)
    st.markdown("**Grey levels of each split**")
    shown_table(
        pixel_table(loaded.dataset, levels),
        "pixel-table",
        column_config={
            "split": "Split",
            "images": st.column_config.NumberColumn("Images", format="localized"),
            "pixels": st.column_config.NumberColumn("Pixels of an image", format="localized"),
            "min": "Least grey level",
            "mean": st.column_config.NumberColumn("Mean grey level", format="%.1f"),
            "max": "Most grey level",
        },
        placeholder="–",
        alt="Images, pixels, least, mean and most grey level of each split.",
    )
    _mean_images(loaded, split)


def _part(picked: list[Any], threshold: int) -> Selection:
    split = None if picked[0] == ALL else str(picked[0])
    if picked[1] == "dark":
        return Selection("grey", 0, threshold, split=split)
    return Selection("grey", threshold + 1, LARGEST_LEVEL, split=split)


def _mean_images(loaded: data.Loaded, split: str | None) -> None:
    st.markdown(f"**The mean image of each class, of {split or 'all splits'}**")
    channels, height, width = loaded.dataset.image_shape
    num_classes = loaded.dataset.space.num_classes
    if num_classes * channels * height * width > MOST_MEAN_VALUES:
        st.info(
            f"{num_classes:,} mean images of {width} x {height} pixels are more than this page works out.",
            icon=":material/image_not_supported:",
        )
        return
    picture = st.segmented_control(
        "Shown",
        list(PICTURES),
        format_func=lambda name: PICTURES[name],
        required=True,
        default="mean",
        key="picture",
        bind="query-params",
        label_visibility="collapsed",
    )
    if picture == "spread":
        st.caption(
            "The standard deviation of each pixel, doubled so that the largest possible one is white: bright where the images "
            "of a class differ."
        )
    found: MeanImages = data.statistic("mean_images", loaded, split)
    labels = [int(label) for label in found.counts.nonzero()[0]]
    page = 1
    if len(labels) > TILES:
        page = st.pagination(-(-len(labels) // TILES), key="mean-page")
    labels = labels[(page - 1) * TILES : page * TILES]
    names = loaded.dataset.space.class_names
    shown = [
        {
            "id": f"{label}",
            "true": names[label],
            "note": f"{found.counts[label]:,} images",
            "facts": [
                ["Class", names[label]],
                ["Images", f"{found.counts[label]:,}"],
                ["Mean grey", f"{found.mean[label].mean():.1f}"],
                ["Mean spread", f"{found.spread[label].mean():.1f}"],
            ],
        }
        for label in labels
    ]
    address = f"api/means/{loaded.fingerprint}/{split or ALL}/{picture}"
    sheet = sheet_of(address, [str(label) for label in labels], height, width)
    show_tiles(
        shown,
        sheet,
        False,
        None,
        "means",
        lambda label: look_at(Selection("class", int(label), split=split)),
    )
    st.caption("Click one to see all images of the class above.")
