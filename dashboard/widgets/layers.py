"""The layers of a network, as it would be built for a data set: shapes, parameters and what one image costs."""

import streamlit as st

from core.exceptions import IncompatibleModel
from core.facts import network_facts, network_on_paper
from core.models.base import Architecture
from dashboard import data
from dashboard.widgets.table import shown_table


def layers(model: Architecture, loaded: data.Loaded, key: str = "layers") -> None:
    """Show a row per layer of a network for these images, in the order in which an image passes them.

    Nothing is shown of one that cannot be built for them: whoever starts runs says why.
    """
    shape = loaded.dataset.image_shape
    try:
        found = network_facts(network_on_paper(model, shape, loaded.dataset.space), shape)
    except IncompatibleModel:
        return
    st.caption(
        f"{found['parameters']:,} parameters, {found['multiply_adds']:,} multiply-adds an image of "
        f"{shape[0]} x {shape[1]} x {shape[2]}."
    )
    rows = [
        {**row, "output_shape": " x ".join(str(one) for one in row["output_shape"])}
        for row in found["layers"]
    ]
    shown_table(
        rows,
        key,
        column_config={
            "layer": "Layer",
            "kind": "Kind",
            "output_shape": "Output",
            "parameters": st.column_config.NumberColumn("Parameters", format="localized"),
            "multiply_adds": st.column_config.NumberColumn(
                "Multiply-adds", format="localized", help="Of one image."
            ),
        },
        alt="The network's layers with output shape, parameters and multiply-adds.",
    )
