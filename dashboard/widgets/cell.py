"""Which samples are looked at: a cell of the confusion matrix, a whole class, or all mistakes; it stands in the URL.

cell=3-5      true class 3, predicted 5
cell=3-any    true class 3          cell=any-5    predicted 5
cell=wrong    all mistakes, also when nothing is given

Where classes are folded into groups, the numbers are those of groups.
"""

import re
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core.evaluation.folding import CLASSES, Fold
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

    @property
    def kind(self) -> str:
        """What of the matrix it is: "cell", "row", "column", or "" where all mistakes are meant."""
        if self.both is not None:
            return "cell"
        if self.true is not None:
            return "row"
        return "" if self.predicted is None else "column"

    @property
    def nothing(self) -> str:
        """What is said where it holds no image."""
        if self.text == WRONG:
            return "There are no mistakes on this split: every answer is right."
        return "No image of this split is in this cell."

    def title(self, predictions: Predictions, fold: Fold | None = None) -> str:
        """Return what it shows in words, for Markdown."""
        names = [escaped(name) for name in (fold.names if fold else predictions.space.class_names)]
        if self.true is None and self.predicted is None:
            return "All mistakes"
        if self.predicted is None:
            return f"True {names[self.true or 0]}"
        if self.true is None:
            return f"Predicted {names[self.predicted]}"
        if self.true == self.predicted:
            return f"{names[self.true]}, rightly predicted"
        return f"True {names[self.true]}, predicted {names[self.predicted]}"

    def classes(self, fold: Fold) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
        """Return its true and its predicted classes; None for every one."""
        if self.both is not None:
            return fold.cell(*self.both)
        true, predicted = (
            None if part is None else fold.members[part] for part in (self.true, self.predicted)
        )
        return true, predicted

    def filters(self, fold: Fold) -> dict[str, str]:
        """Return the filters of `core.evaluation.case_filters` that keep the same images."""
        if self.text == WRONG:
            return {"right": "no"}
        named = zip(("true", "predicted"), self.classes(fold), strict=True)
        return {name: ",".join(map(str, one)) for name, one in named if one is not None}

    def samples(self, predictions: Predictions, fold: Fold | None = None) -> pd.DataFrame:
        """Return the table of `core.evaluation.samples`: of a cell exactly those that it counts."""
        if fold is None or fold.kind == CLASSES or self.text == WRONG:
            table = samples(predictions, self.true, self.predicted)
            return table[~table["is_right"]] if self.text == WRONG else table
        table = samples(predictions)
        for column, classes in zip(("true", "predicted"), self.classes(fold), strict=True):
            if classes is not None:
                table = table[table[column].isin(classes)]
        return table


def cell_in_url(predictions: Predictions, fold: Fold | None = None) -> Cell:
    """Return the cell that the URL names; one that does not exist is said so and gives all mistakes."""
    asked = st.query_params.get(URL_KEY, WRONG)
    if asked == WRONG:
        return Cell()
    found = _CELL.fullmatch(asked)
    numbers = [None if part == ANY else int(part) for part in found.groups()] if found else []
    size = len(fold) if fold else predictions.space.num_classes
    if not numbers or any(one is not None and one >= size for one in numbers):
        st.warning(
            f"The link names the cell {escaped(asked[:40])}, which this confusion matrix of {size} "
            f"{fold.kind if fold else CLASSES} does not have; these are all mistakes.",
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
    forget_cell()
    st.query_params[URL_KEY] = Cell(true, predicted).text


def forget_cell() -> None:
    """Take the cell out of the URL, because its numbers mean something else now."""
    st.session_state[PAGE_KEY] = 1
    for name in (IMAGE_KEY, URL_KEY):
        if name in st.query_params:
            del st.query_params[name]
