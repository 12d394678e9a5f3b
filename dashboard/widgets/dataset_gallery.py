"""The gallery of a data set's images, of any splits, with what is known of them without a network.

Apart from `gallery`, on whose ground it stands, because there is nothing predicted here. An image is called by its
split and sample id, as "train:15", in the URL too.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.charts.style import percent
from dashboard import data
from dashboard.widgets.cell import IMAGE_KEY
from dashboard.widgets.gallery import gallery_header, open_image, page_of, sheet_of, show_tiles
from dashboard.widgets.markdown import escaped
from dashboard.widgets.selection import Selection, look_at


def dataset_gallery(
    table: pd.DataFrame,
    loaded: data.Loaded,
    title: str,
    key: str,
    selection: Selection | None = None,
) -> None:
    """Show images, 60 at a time; the opened one stands in the URL as `image`.

    Args:
        table: rows of `core.datasets.samples`, or of another table with its columns; what more it says of an image is shown.
        loaded: the data set.
        title: what they are, as plain text.
        key: of the widget.
        selection: what the table follows from, shown as a chip that can be removed; None where nothing was chosen.
    """
    on_remove = None if selection is None else lambda: look_at(None)
    is_inverted = gallery_header(escaped(title), len(table), key, on_remove)
    if table.empty:
        st.info("No image of this data set is like that.", icon=":material/grid_off:")
        return
    rows = page_of(table)
    _, height, width = loaded.dataset.image_shape
    ids = [
        f"{split}:{sample_id}"
        for split, sample_id in zip(rows["split"], rows["sample_id"], strict=True)
    ]
    picked = st.query_params.get(IMAGE_KEY, selection.image if selection else None)
    found = sheet_of(f"api/images/{loaded.fingerprint}", ids, height, width)
    show_tiles(sample_tiles(rows, loaded), found, is_inverted, picked, key, open_image)


def sample_tiles(rows: pd.DataFrame, loaded: data.Loaded) -> list[dict[str, Any]]:
    """Return what the component shows with each image, as plain values."""
    has_splits = rows["split"].nunique() > 1
    shown = []
    for row in rows.to_dict("records"):
        notes = [row["split"]] if has_splits else []
        facts = [
            ["Sample", f"{row['split']} {row['sample_id']}"],
            ["Class", str(row["class_name"])],
            *_counted(loaded, row),
        ]
        if "correlation" in row:
            facts += [
                ["Group", f"{row['group'] + 1:,}"],
                ["Correlation", f"{row['correlation']:.4f} with the most similar other"],
            ]
            notes.append(f"group {row['group'] + 1:,}")
        if "share" in row:
            facts.append(["Such pixels", f"{row['count']:,} ({percent(row['share'])})"])
            notes.append(percent(row["share"]))
        shown.append(
            {
                "id": f"{row['split']}:{row['sample_id']}",
                "true": str(row["class_name"]),
                "note": ", ".join(notes),
                "facts": facts,
            }
        )
    return shown


def _counted(loaded: data.Loaded, row: Mapping[Any, Any]) -> list[list[str]]:
    counts = loaded.dataset.split(row["split"]).counts
    if counts is None:
        return []
    figures = zip(counts[row["sample_id"]].tolist(), loaded.dataset.space.count_names, strict=True)
    return [["Figures", ", ".join(f"{count} {name}" for count, name in figures if count)]]
