"""Saliency: which pixels of an image a network looks at, for the class that it gives and for the true one."""

import numpy as np
import pandas as pd
import streamlit as st

from core.analysis.saliency import INSTALL_CAPTUM, METHODS, has_grad_cam
from core.charts.saliency import LEAST_TOP
from core.charts.saliency import saliency as saliency_chart
from core.charts.style import percent
from core.exceptions import CoreError
from core.predictions import NO_PREDICTION, Predictions
from core.runs.run import Run
from dashboard import data
from dashboard.widgets.asked import saliency
from dashboard.widgets.figure import figure
from dashboard.widgets.markdown import escaped

PANEL_WIDTH, SCALE_WIDTH = 250, 100
TITLES = {"gradient": "Gradient", "occlusion": "Occlusion", "grad-cam": "Grad-CAM"}
HOW_TO_READ = {
    "gradient": (
        "Orange covers the pixels at which a small change of the grey level would change the network's logit of the class "
        "most, up or down (Simonyan and others, 2014). It tells what the network is *sensitive* to, not what it has seen: "
        "single bright pixels are usual, and a sharp outline means more than a single pixel."
    ),
    "occlusion": (
        "A square patch is moved over the image and hides what is below it by the background's grey. Orange covers the pixels "
        "whose hiding lets the probability of the class fall; where nothing is orange, nothing was missed (Zeiler and "
        "Fergus, 2014). Without orange at all no single part decides: hide any of them, and the network stays as sure."
    ),
    "grad-cam": (
        "Orange covers the places where the network's last feature maps speak for the class (Selvaraju and others, 2017). "
        "The maps are coarser than the image, so the borders of the orange are no borders of anything."
    ),
}


def saliency_section(run: Run, split: str, sample_id: int, key: str) -> None:
    """Show an image and beside it where a run looks for the predicted and the true class.

    Args:
        run: whose network is asked.
        split: of the image.
        sample_id: its position in the split.
        key: of the widget.
    """
    offered = [one for one in METHODS if one != "grad-cam" or has_grad_cam()]
    with st.container(horizontal=True, vertical_alignment="center"):
        method = st.segmented_control(
            "Asked by",
            offered,
            format_func=lambda one: TITLES[one],
            required=True,
            default="gradient",
            key=f"{key}-method",
            persist_state="session",
            label_visibility="collapsed",
        )
    try:
        panels = _classes(data.predictions(run, split), sample_id)
        with st.spinner("Asking the network; the first question takes some seconds ..."):
            maps = saliency(run, split, sample_id, tuple(panels.values()), method)
        image = data.images(run, split)[sample_id]
    except CoreError as error:
        st.info(escaped(error), icon=":material/visibility_off:")
        return
    table = _table(list(panels), maps)
    # No wider than the pictures: beside each other they are compared.
    with st.container(width=PANEL_WIDTH * (1 + len(panels)) + SCALE_WIDTH):
        figure(
            saliency_chart(table, np.asarray(image), method),
            f"{key}-map",
            alt=f"Where {run.title} looks in image {sample_id} of {split}: {', '.join(panels)}.",
            how_to_read=HOW_TO_READ[method],
            table=table,
        )
    if not (maps > LEAST_TOP.get(method, 0.0)).any():
        st.caption(
            "No single part decides: whatever is hidden or changed alone, the network stays as sure."
        )
    # Below the maps: they are what was asked for, and above it the words push them off the first screen.
    if not has_grad_cam():
        st.caption(escaped(INSTALL_CAPTUM))


def _classes(predictions: Predictions, sample_id: int) -> dict[str, int]:
    """Return the words above each map and the class that it is of.

    Raises:
        CoreError: the run has stored nothing of this image.
    """
    (places,) = np.nonzero(predictions.sample_ids == sample_id)
    if len(places) == 0:
        raise CoreError(f"The run has stored no answer on image {sample_id}.")
    place = int(places[0])
    true, predicted = int(predictions.labels[place]), int(predictions.predicted[place])
    names, shares = predictions.space.class_names, predictions.probabilities[place]
    if true == predicted or predicted == NO_PREDICTION:
        words = "true" if predicted == NO_PREDICTION else "true and predicted"
        return {f"{words}: {names[true]}, {percent(shares[true])}": true}
    return {
        f"predicted: {names[predicted]}, {percent(shares[predicted])}": predicted,
        f"true: {names[true]}, {percent(shares[true])}": true,
    }


def _table(panels: list[str], maps: np.ndarray) -> pd.DataFrame:
    rows, columns = np.indices(maps.shape[1:])
    return pd.DataFrame(
        {
            "panel": np.repeat(np.array(panels, dtype=object), rows.size),
            "row": np.tile(rows.ravel(), len(panels)),
            "column": np.tile(columns.ravel(), len(panels)),
            "value": maps.reshape(-1),
        }
    )
