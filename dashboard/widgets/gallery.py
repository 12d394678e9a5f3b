"""The gallery: the images behind a number, each with its true and predicted class and how sure the network was.

Every page opens it in place. One contact sheet, fetched from the server's image route, holds all images of a page of
the gallery; the component cuts it into tiles. Names reach the browser as data and become text there, never markup.
Images without predictions are `dataset_gallery`'s, on the same ground.
"""

from collections.abc import Callable, Mapping
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
MOST_TILE_PIXELS = 96
"""Longest side of an image in a tile; larger images are shown there smaller by a whole factor."""
MOST_LARGE_PIXELS = 256
TOP = 3


def gallery(
    table: pd.DataFrame,
    predictions: Predictions,
    run: Run,
    split: str,
    title: str,
    nothing: str,
    key: str,
) -> None:
    """Show the images of a table of samples, 60 at a time; the opened image stands in the URL as `image`.

    Args:
        table: rows of `core.evaluation.samples`.
        predictions: where the rows come from.
        run: whose data set holds the images; without it the numbers are shown alone.
        split: of the samples.
        title: what they are, in Markdown.
        nothing: what is said where there are none.
        key: of the widget.
    """
    is_inverted = gallery_header(title, len(table), key)
    if table.empty:
        st.info(nothing, icon=":material/grid_off:")
        return
    problem = data.images_problem(run, split)
    if problem:
        st.warning(
            f"The images cannot be shown: {escaped(problem)}", icon=":material/image_not_supported:"
        )
    rows = page_of(table)
    picked = _number(st.query_params.get(IMAGE_KEY))
    found = None if problem else sheet(rows, run, split)
    show_tiles(tiles(rows, predictions), found, is_inverted, picked, key, open_image)


def gallery_header(
    title: str, num_images: int, key: str, on_remove: Callable[[], None] | None = None
) -> bool:
    """Show what the images are and how many; return whether they are to be inverted.

    Args:
        title: in Markdown.
        num_images: of all pages.
        key: of the widget.
        on_remove: makes the title a chip, and is called when that is removed.
    """
    words = f"{num_images:,} {'image' if num_images == 1 else 'images'}"
    with st.container(horizontal=True, vertical_alignment="center"):
        if on_remove is None:
            st.markdown(f"**{title}**: {words}", width="content")
        else:
            st.button(
                title,
                icon=":material/close:",
                key=f"{key}-chip",
                help="Remove this choice",
                on_click=on_remove,
            )
            st.markdown(words, width="content")
        st.space("stretch")
        return st.toggle(
            "Invert",
            key=f"{key}-invert",
            persist_state="session",
            help="Shows dark as bright and bright as dark.",
        )


def page_of(table: pd.DataFrame, tiles: int = TILES) -> pd.DataFrame:
    """Show the choice of the page and which of how many it is, where there are several, and return its rows; in the URL."""
    num_pages = -(-len(table) // tiles)
    page = 1
    if num_pages > 1:
        with st.container(
            horizontal=True, vertical_alignment="center", gap="small", width="content"
        ):
            # In a narrow column some of its numbers give way.
            chosen = st.pagination(
                num_pages, max_visible_pages=5, key=PAGE_KEY, bind="query-params"
            )
            page = min(chosen, num_pages)
            st.caption(f"Page {page:,} of {num_pages:,}", width="content")
    return table.iloc[(page - 1) * tiles : page * tiles]


def show_tiles(
    shown: list[dict[str, Any]],
    found: Mapping[str, Any] | None,
    is_inverted: bool,
    picked: int | str | None,
    key: str,
    on_pick: Callable[[int | str], None],
    has_detail: bool = True,
) -> None:
    """Mount the component.

    Args:
        shown: the tiles.
        found: where their contact sheet is, as `sheet` says it; None shows the words alone.
        is_inverted: dark as bright.
        picked: id of the tile that is open at first; the first one where there is none of this id.
        key: of the widget.
        on_pick: called with the id of a tile that was clicked, before the page runs again.
        has_detail: show the open tile's image large, with its facts; not where the page does so itself.
    """
    COMPONENT(
        key=f"{key}-tiles",
        data={"tiles": shown, "sheet": found, "inverted": is_inverted, "picked": picked}
        | ({} if has_detail else {"bare": True}),
        on_picked_change=lambda: _picked(f"{key}-tiles", on_pick),
    )


def open_image(image: int | str) -> None:
    """Put the opened image into the URL."""
    st.query_params[IMAGE_KEY] = str(image)


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
    ids = [str(sample_id) for sample_id in rows["sample_id"]]
    # Relative, so that it also works behind a proxy that puts the dashboard below a path.
    return sheet_of(f"api/sheet/{run.id}/{split}", ids, height, width)


def sheet_of(address: str, ids: list[str], height: int, width: int) -> dict[str, Any]:
    """Return where a contact sheet is and how to cut it; sizes in pixels of the screen.

    Args:
        address: of the route, with nothing behind it.
        ids: of the images, as the route wants them.
        height: of an image, in its pixels.
        width: of an image, in its pixels.
    """
    longest = max(height, width)
    smaller = _factor(height, width, MOST_TILE_PIXELS)
    found: dict[str, Any] = {
        "url": f"{address}?ids={','.join(ids)}&columns={SHEET_COLUMNS}" + _reduce(smaller),
        "columns": SHEET_COLUMNS,
        "rows": -(-len(ids) // SHEET_COLUMNS),
        "width": width // smaller,
        "height": height // smaller,
        "scale": max(1, TILE_PIXELS // longest),
        "large": max(1, LARGE_PIXELS // longest),
    }
    if smaller > 1:
        factor = _factor(height, width, MOST_LARGE_PIXELS)
        found["full"] = {
            "url": f"{address}?columns=1{_reduce(factor)}&ids=",
            "width": width // factor,
            "height": height // factor,
            "scale": max(1, LARGE_PIXELS // longest),
        }
    return found


def _factor(height: int, width: int, most: int) -> int:
    return min(-(-max(height, width) // most), height, width)


def _reduce(factor: int) -> str:
    return f"&reduce={factor}" if factor > 1 else ""


def _picked(key: str, on_pick: Callable[[int | str], None]) -> None:
    picked = (st.session_state.get(key) or {}).get("picked")
    if picked is not None:
        on_pick(picked if isinstance(picked, str) else int(picked))


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None
