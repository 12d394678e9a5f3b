"""Dead neurons: the share of each layer's units that answered no image, epoch by epoch.

Separate because it comes from the history, not from predictions. It leaves out which units they are (`core.analysis`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd


def dead_shares(histories: Mapping[str, Sequence[Mapping[str, Any]]]) -> pd.DataFrame:
    """Return the shares that training wrote into the history.

    Args:
        histories: label of a run -> its rows, one per epoch, as `core.runs.history` gives them.

    Returns:
        Rows by run, layer (in the order of the network) and epoch: label, layer, epoch, share (in [0, 1]). Empty where no
        layer was watched.
    """
    rows = [
        (label, layer, row["epoch"], float(share))
        for label, history in histories.items()
        for row in history
        for layer, share in (row.get("dead_share") or {}).items()
        if share is not None
    ]
    table = pd.DataFrame(rows, columns=["label", "layer", "epoch", "share"])
    layers = {layer: place for place, layer in enumerate(dict.fromkeys(table["layer"]))}
    labels = {label: place for place, label in enumerate(histories)}
    order = table.assign(at=table["label"].map(labels), of=table["layer"].map(layers))
    return (
        order.sort_values(["at", "of", "epoch"]).drop(columns=["at", "of"]).reset_index(drop=True)
    )
