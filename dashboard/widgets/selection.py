"""Which images of a data set are looked at, behind which number; it stands in the URL as `look`.

class:3          images of class 3              class:3:train     those of one split
group:2          images of the third group      group:2:train
split:test       a whole split
count:circles:4  images with four circles       count:circles:4:train
grey:50:60       images with the most pixels of these grey levels     grey:50:60:train
equal:0          the first group of equal images          near:0      of nearly equal ones
point:train:15   an image of the map and those nearest to it on the map

The last three name rows of tables that only their sections have; those hand them in.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core.datasets.base import SPLITS
from core.datasets.classes import group_counts
from core.datasets.samples import of_class, of_count, sample_table
from dashboard import data
from dashboard.widgets.cell import IMAGE_KEY, PAGE_KEY
from dashboard.widgets.markdown import escaped

URL_KEY = "look"

_NUMBER = r"\d{1,9}"
_SPLIT = "|".join(SPLITS)
_FORMS = {
    "class": re.compile(rf"(?P<number>{_NUMBER})(:(?P<split>{_SPLIT}))?"),
    "group": re.compile(rf"(?P<number>{_NUMBER})(:(?P<split>{_SPLIT}))?"),
    "split": re.compile(rf"(?P<split>{_SPLIT})"),
    "count": re.compile(rf"(?P<name>[^:]{{1,80}}):(?P<number>{_NUMBER})(:(?P<split>{_SPLIT}))?"),
    "grey": re.compile(rf"(?P<number>\d{{1,3}}):(?P<last>\d{{1,3}})(:(?P<split>{_SPLIT}))?"),
    "equal": re.compile(rf"(?P<number>{_NUMBER})"),
    "near": re.compile(rf"(?P<number>{_NUMBER})"),
    "point": re.compile(rf"(?P<split>{_SPLIT}):(?P<number>{_NUMBER})"),
}


@dataclass(frozen=True)
class Selection:
    """What to look at.

    Attributes:
        kind: a key of the forms above.
        number: label, position of the group, figures, least grey level, group of duplicates, or sample id.
        last: largest grey level.
        name: of what is counted.
        split: only this one; None for all.
    """

    kind: str
    number: int = 0
    last: int = 0
    name: str = ""
    split: str | None = None

    @property
    def text(self) -> str:
        """As it stands in the URL."""
        match self.kind:
            case "split":
                parts = [self.split]
            case "point":
                parts = [self.split, str(self.number)]
            case "count":
                parts = [self.name, str(self.number), self.split]
            case "grey":
                parts = [str(self.number), str(self.last), self.split]
            case _:
                parts = [str(self.number), self.split]
        return ":".join([self.kind, *(part for part in parts if part is not None)])

    @property
    def image(self) -> str | None:
        """The image that it is about, as galleries name it."""
        return f"{self.split}:{self.number}" if self.kind == "point" else None

    def title(self, loaded: data.Loaded) -> str:
        """Return what it shows in words, as plain text."""
        space = loaded.dataset.space
        within = f", {self.split}" if self.split else ""
        match self.kind:
            case "class":
                return f"{space.class_names[self.number]}{within}"
            case "group":
                return f"{_groups(loaded)[self.number]}{within}"
            case "split":
                return f"All of {self.split}"
            case "count":
                return f"{self.number} {self.name}{within}"
            case "grey":
                levels = (
                    f"level {self.number}"
                    if self.number == self.last
                    else f"levels {self.number} to {self.last}"
                )
                return f"Most pixels of grey {levels}{within}"
            case "equal":
                return f"Equal images, group {self.number + 1}"
            case "near":
                return f"Nearly equal images, group {self.number + 1}"
            case _:
                return f"Near {self.split} {self.number} on the map"

    def samples(self, loaded: data.Loaded) -> pd.DataFrame | None:
        """Return its images as a table of `core.datasets.samples`; None where only a section knows them."""
        dataset = loaded.dataset
        match self.kind:
            case "class":
                return of_class(dataset, self.number, self.split)
            case "group":
                groups, name = dataset.space.class_groups or (), _groups(loaded)[self.number]
                members = [label for label, group in enumerate(groups) if group == name]
                return pd.concat(
                    [of_class(dataset, label, self.split) for label in members], ignore_index=True
                )
            case "split":
                split = self.split or ""
                return sample_table(dataset, split, range(len(dataset.split(split))))
            case "count":
                return of_count(dataset, self.name, self.number, self.split)
            case "grey":
                return data.statistic("samples_in_bin", loaded, self.number, self.last, self.split)
            case _:
                return None


def selection_in_url(loaded: data.Loaded) -> Selection | None:
    """Return what the URL asks to look at, None where it asks nothing; what does not exist is said so."""
    asked = st.query_params.get(URL_KEY)
    if asked is None:
        return None
    kind, _, rest = asked.partition(":")
    found = _FORMS[kind].fullmatch(rest) if kind in _FORMS else None
    if found:
        values = found.groupdict()
        selection = Selection(
            kind,
            int(values.get("number") or 0),
            int(values.get("last") or 0),
            values.get("name") or "",
            values.get("split"),
        )
        if _exists(selection, loaded):
            return selection
    st.warning(
        f"The link asks to look at {escaped(asked[:40])}, which this data set does not have.",
        icon=":material/link_off:",
    )
    return None


def look_at(selection: Selection | None) -> None:
    """Put a selection into the URL, for the page to show it from its first image on; None takes it out."""
    st.session_state[PAGE_KEY] = 1
    for name in (IMAGE_KEY, URL_KEY):
        if name in st.query_params:
            del st.query_params[name]
    if selection is not None:
        st.query_params[URL_KEY] = selection.text


def leave_section() -> None:
    """Take a selection out of the URL that means nothing in another section: all but a class."""
    if not st.query_params.get(URL_KEY, "").startswith("class:"):
        look_at(None)


def on_row(table: pd.DataFrame, key: str, selection_of: Callable[[pd.Series], Selection]) -> None:
    """Look at what the chosen row of a shown table stands for; to be called when its selection changes."""
    rows = st.session_state[key]["selection"]["rows"]
    if rows:
        look_at(selection_of(table.iloc[rows[0]]))


def _groups(loaded: data.Loaded) -> list[str]:
    return group_counts(loaded.dataset)["group"].tolist()


def _exists(selection: Selection, loaded: data.Loaded) -> bool:
    space = loaded.dataset.space
    match selection.kind:
        case "class":
            return selection.number < space.num_classes
        case "group":
            return selection.number < len(_groups(loaded))
        case "count":
            return selection.name in space.count_names
        case "grey":
            return selection.number <= selection.last <= 255
        case "point":
            return selection.number < len(loaded.dataset.split(selection.split or ""))
        case _:
            return True
