"""The gallery: the images behind a number, each with its true and predicted class and how sure the network was.

Every page opens it in place. One contact sheet, fetched from the server's image route, holds all images of a page of
the gallery; the component cuts it into tiles. Names reach the browser as data and become text there, never markup.
"""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.style import percent, significant
from core.predictions import Predictions
from core.runs.run import Run
from dashboard import data
from dashboard.widgets.cell import IMAGE_KEY, PAGE_KEY
from dashboard.widgets.gallery_component import COMPONENT
from dashboard.widgets.markdown import escaped

TILES = 60
SHEET_COLUMNS = 10
TILE_PIXELS = 64
LARGE_PIXELS = 168
TOP = 3


def gallery(
    table: pd.DataFrame, predictions: Predictions, run: Run, split: str, title: str, key: str
) -> None:
    """Show the images of a table of samples, 60 at a time; the opened image stands in the URL as `image`.

    Args:
        table: rows of `core.evaluation.samples`.
        predictions: where the rows come from.
        run: whose data set holds the images; without it the numbers are shown alone.
        split: of the samples.
        title: what they are, in Markdown.
        key: of the widget.
    """
    word = "image" if len(table) == 1 else "images"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{title}**: {len(table):,} {word}", width="content")
        st.space("stretch")
        is_inverted = st.toggle(
            "Invert",
            key=f"{key}-invert",
            persist_state="session",
            help="Shows dark as bright and bright as dark.",
        )
    if table.empty:
        st.info("No image of this split is in this cell.", icon=":material/grid_off:")
        return
    problem = data.images_problem(run, split)
    if problem:
        st.warning(
            f"The images cannot be shown: {escaped(problem)}", icon=":material/image_not_supported:"
        )
    num_pages = -(-len(table) // TILES)
    page = 1
    if num_pages > 1:
        page = st.pagination(num_pages, key=PAGE_KEY, bind="query-params")
    rows = table.iloc[(page - 1) * TILES : page * TILES]
    COMPONENT(
        key=f"{key}-tiles",
        data={
            "tiles": tiles(rows, predictions),
            "sheet": None if problem else sheet(rows, run, split),
            "inverted": is_inverted,
            "picked": _number(st.query_params.get(IMAGE_KEY)),
        },
        on_picked_change=lambda: _open(f"{key}-tiles"),
    )


def tiles(rows: pd.DataFrame, predictions: Predictions) -> list[dict[str, Any]]:
    """Return what the component shows with each image, as plain values; numbers as the screen shows them."""
    names = predictions.space.class_names
    positions = np.searchsorted(predictions.sample_ids, rows["sample_id"])
    shown = []
    for position, row in zip(positions, rows.to_dict("records"), strict=True):
        probabilities = predictions.probabilities[position]
        order = [] if np.isnan(probabilities).any() else np.argsort(-probabilities, kind="stable")
        shown.append(
            {
                "id": int(row["sample_id"]),
                "true": str(row["true_name"]),
                "predicted": str(row["predicted_name"]),
                "confidence": percent(row["confidence"]),
                "loss": f"{significant(row['loss'])} nats",
                "right": bool(row["is_right"]),
                "top": [[names[label], percent(probabilities[label])] for label in order[:TOP]],
            }
        )
    return shown


def sheet(rows: pd.DataFrame, run: Run, split: str) -> dict[str, Any]:
    """Return where the contact sheet of these samples is and how to cut it; sizes in pixels of the screen."""
    height, width = data.images(run, split).shape[2:]
    ids = ",".join(str(sample_id) for sample_id in rows["sample_id"])
    longest = max(height, width)
    return {
        # Relative, so that it also works behind a proxy that puts the dashboard below a path.
        "url": f"api/sheet/{run.id}/{split}?ids={ids}&columns={SHEET_COLUMNS}",
        "columns": SHEET_COLUMNS,
        "rows": -(-len(rows) // SHEET_COLUMNS),
        "width": int(width),
        "height": int(height),
        "scale": max(1, TILE_PIXELS // longest),
        "large": max(1, LARGE_PIXELS // longest),
    }


def _open(key: str) -> None:
    picked = (st.session_state.get(key) or {}).get("picked")
    if picked is not None:
        st.query_params[IMAGE_KEY] = str(int(picked))


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None
