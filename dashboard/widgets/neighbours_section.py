"""Neighbours: the training images that a network takes for most alike, with their labels."""

from typing import Any

import numpy as np
import streamlit as st

from core.analysis.features import BODY
from core.analysis.neighbours import nearest
from core.analysis.subject import subject_of
from core.exceptions import CoreError
from core.runs.run import Run
from dashboard import data
from dashboard.widgets.asked import features
from dashboard.widgets.gallery import sheet_of, show_tiles
from dashboard.widgets.kept_result import kept_result
from dashboard.widgets.markdown import escaped

HOW_TO_READ = """
The network turns each image into a list of features, the last thing before its classifier. Shown are the training images
whose features point in the direction most like this image's: the **cosine distance** is 0 for the same direction and 1 where
nothing is shared. Where a wrongly classified image lies among training images of the class that was predicted, the network
sees it as one of them; where the *labels* of near images contradict each other, look for a mistake in the labels.
"""


def neighbours_section(run: Run, split: str, sample_id: int, key: str) -> None:
    """Show the nearest training images of an image in the feature space of a run; the first time they are worked out.

    Args:
        run: whose network is asked.
        split: of the image.
        sample_id: its position in the split.
        key: of the widget.
    """
    try:
        subject = subject_of(run)
        images = data.images(run, "train")
        found = kept_result(
            subject,
            "features",
            {"layer": BODY},
            "Features",
            f"Shows the network {escaped(f'{len(images):,}')} training images, once for this run: seconds to a minute.",
            key,
        )
        if found is None:
            return
        ids, directions = found.arrays["sample_ids"], found.arrays["directions"]
        with st.spinner("Asking the network; the first question takes some seconds ..."):
            wanted = features(run, split, sample_id, BODY)[0]
        # An image of the training split is its own nearest.
        places, distances = nearest(directions, wanted, NUM_SHOWN + 1)
        labels = np.asarray(data.dataset(run.config["dataset"]).split("train").labels)
    except CoreError as error:
        st.info(escaped(error), icon=":material/visibility_off:")
        return
    pairs = [
        (int(ids[place]), float(distance))
        for place, distance in zip(places, distances, strict=True)
        if split != "train" or ids[place] != sample_id
    ][:NUM_SHOWN]
    names = data.dataset(run.config["dataset"]).space.class_names
    _summary(pairs, labels, names, len(ids), int(found.facts["num_images"]), key)
    height, width = images.shape[2:]
    sheet = sheet_of(
        f"api/sheet/{run.id}/train", [str(one) for one, _ in pairs], int(height), int(width)
    )
    show_tiles(_tiles(pairs, labels, names), sheet, False, None, key, lambda _image: None)


NUM_SHOWN = 12


def _summary(
    pairs: list[tuple[int, float]],
    labels: np.ndarray,
    names: tuple[str, ...],
    num_kept: int,
    num_images: int,
    key: str,
) -> None:
    counts: dict[str, int] = {}
    for sample, _ in pairs:
        name = names[int(labels[sample])]
        counts[name] = counts.get(name, 0) + 1
    said = ", ".join(
        f"{number} {escaped(name)}"
        for name, number in sorted(counts.items(), key=lambda one: -one[1])
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**Nearest training images**: {said}", width="content")
        with st.popover(
            "How to read this", type="tertiary", icon=":material/help:", key=f"{key}-how"
        ):
            st.markdown(HOW_TO_READ)
    if num_kept < num_images:
        st.caption(
            f"Looked for among {num_kept:,} of the {num_images:,} training images, drawn from each class in proportion."
        )


def _tiles(
    pairs: list[tuple[int, float]], labels: np.ndarray, names: tuple[str, ...]
) -> list[dict[str, Any]]:
    shown = []
    for sample, distance in pairs:
        name = names[int(labels[sample])]
        shown.append(
            {
                "id": sample,
                "true": name,
                "note": f"distance {distance:.3f}",
                "facts": [
                    ["Training image", f"#{sample}"],
                    ["Label", name],
                    ["Cosine distance", f"{distance:.4f}"],
                ],
            }
        )
    return shown
