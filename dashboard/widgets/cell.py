"""Which samples are looked at: a cell of the confusion matrix, a whole class, or all mistakes; it stands in the URL.

cell=3-5      true class 3, predicted 5
cell=3-any    true class 3          cell=any-5    predicted 5
cell=wrong    all mistakes, also when nothing is given
"""

import re
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core.evaluation.samples import samples
from core.predictions import Predictions
from dashboard.widgets.markdown import escaped

URL_KEY = "cell"
IMAGE_KEY = "image"
PAGE_KEY = "page"
SHARES = {
    "count": "Counts",
    "share_of_true": "By row",
    "share_of_predicted": "By column",
    "share_of_all": "Of all",
}
"""Ways to show the confusion matrix, as `core.charts.confusion_matrix` calls them -> the words on the buttons."""

ANY = "any"
WRONG = "wrong"

_CELL = re.compile(r"(\d{1,9}|any)-(\d{1,9}|any)")


@dataclass(frozen=True)
class Cell:
    """What to look at.

    Attributes:
        true: true class, or None for every one.
        predicted: predicted class, or None for every one; both None means all mistakes.
    """

    true: int | None = None
    predicted: int | None = None

    @property
    def both(self) -> tuple[int, int] | None:
        """Both classes, where both are given: the cell to outline in the matrix."""
        if self.true is None or self.predicted is None:
            return None
        return self.true, self.predicted

    @property
    def text(self) -> str:
        """As it stands in the URL."""
        if self.true is None and self.predicted is None:
            return WRONG
        parts = (ANY if part is None else str(part) for part in (self.true, self.predicted))
        return "-".join(parts)

    def title(self, predictions: Predictions) -> str:
        """Return what it shows in words, for Markdown."""
        names = [escaped(name) for name in predictions.space.class_names]
        if self.true is None and self.predicted is None:
            return "All mistakes"
        if self.predicted is None:
            return f"True {names[self.true or 0]}"
        if self.true is None:
            return f"Predicted {names[self.predicted]}"
        if self.true == self.predicted:
            return f"{names[self.true]}, rightly predicted"
        return f"True {names[self.true]}, predicted {names[self.predicted]}"

    def samples(self, predictions: Predictions) -> pd.DataFrame:
        """Return the table of `core.evaluation.samples`: of a cell exactly those that it counts."""
        table = samples(predictions, self.true, self.predicted)
        return table[~table["is_right"]] if self.text == WRONG else table


def cell_in_url(predictions: Predictions) -> Cell:
    """Return the cell that the URL names; one that does not exist is said so and gives all mistakes."""
    asked = st.query_params.get(URL_KEY, WRONG)
    if asked == WRONG:
        return Cell()
    found = _CELL.fullmatch(asked)
    numbers = [None if part == ANY else int(part) for part in found.groups()] if found else []
    num_classes = predictions.space.num_classes
    if not numbers or any(one is not None and one >= num_classes for one in numbers):
        st.warning(
            f"The link names the cell {escaped(asked[:40])}, which this confusion matrix of {num_classes} classes "
            "does not have; these are all mistakes.",
            icon=":material/link_off:",
        )
        return Cell()
    return Cell(*numbers)


def share_picker(key: str) -> str:
    """Show the choice of what the cells of the matrix tell, and return a key of `SHARES`; it stands in the URL."""
    return st.segmented_control(
        "Cells show",
        list(SHARES),
        format_func=lambda name: SHARES[name],
        required=True,
        default="count",
        key=key,
        bind="query-params",
        label_visibility="collapsed",
    )


def open_cell(true: int | None, predicted: int | None) -> None:
    """Put a cell into the URL, for the page to show it from its first image on."""
    st.session_state[PAGE_KEY] = 1
    if IMAGE_KEY in st.query_params:
        del st.query_params[IMAGE_KEY]
    st.query_params[URL_KEY] = Cell(true, predicted).text
