"""What there is to say first of a data set: whether it is here, its few numbers, the verdict on balance, its notes."""

from collections.abc import Mapping
from typing import Any

import orjson
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.datasets import DATASETS
from core.datasets.classes import BALANCE_RULE, balance
from core.datasets.fetching import FETCHED
from core.datasets.imported import imported_facts
from core.datasets.statistics import summary
from core.exceptions import CoreError
from dashboard import data
from dashboard.widgets.background import begin
from dashboard.widgets.errors import errors_shown
from dashboard.widgets.markdown import escaped
from dashboard.widgets.source_input import is_local

BALANCE_ICONS = {
    "balanced": ":material/balance:",
    "empty": ":material/hourglass_empty:",
    "one class": ":material/warning:",
}


def place_for(settings: Mapping[str, Any], key: str) -> DeltaGenerator:
    """Return where all stands that is said of a data set; emptied at once when another one, or other settings, are chosen.

    Else the numbers of the one before stand there below the name of the new one until it has been read.

    Args:
        settings: of the data set.
        key: of the widget.
    """
    text = orjson.dumps(settings).decode()
    before, side = st.session_state.get(key, ("", 0))
    if before != text:
        side = 1 - side
        st.session_state[key] = [text, side]
    # Two places, one of which is empty: emptying one and filling it again reaches the browser as the filling alone.
    places = [st.empty() if place != side else st.container() for place in range(2)]
    return places[side]


def dataset_or_help(settings: Mapping[str, Any], key: str) -> data.Loaded | None:
    """Return the data set; where it is not here or damaged, say why and what to do, and return None."""
    name = settings["name"]
    try:
        with st.spinner("Reading the data set ..."):
            return data.loaded(settings)
    except CoreError as error:
        if name in FETCHED:
            _not_fetched(name, key)
        else:
            st.error(escaped(error), icon=":material/error:")
        return None


def headline(loaded: data.Loaded) -> None:
    """Show the few numbers that say what the data set is, and in a sentence whether its classes are balanced."""
    facts = summary(loaded.dataset, "")
    colour = "colour" if facts["channels"] == 3 else "grey"
    splits = facts["splits"]
    shown = [
        ("Images", f"{facts['images']:,}", "Of all splits."),
        (
            "Size",
            f"{facts['width']} x {facts['height']}, {colour}",
            "Width and height of every image, in pixels.",
        ),
        ("Classes", f"{facts['classes']:,}", "That a network may answer."),
        (
            "Never occur",
            f"{len(facts['missing_classes']):,}",
            "Classes that have a name and yet no image in any split.",
        ),
        (
            "Splits",
            " / ".join(f"{count:,}" for count in splits.values()),
            f"Images of {', '.join(splits)}: learnt from, judged by while training, and judged by at the end.",
        ),
    ]
    found = balance(loaded.dataset)
    icon = BALANCE_ICONS.get(found.level, ":material/warning:")
    with st.container(gap="xxsmall"):
        with st.container(horizontal=True, gap="large"):
            for label, value, text in shown:
                st.metric(label, value, help=text, width="content")
        st.caption(f"{icon} {escaped(found.verdict)}", help=BALANCE_RULE)


def notes(name: str) -> None:
    """Show what was decided when the data set was imported, where it was."""
    if name in DATASETS:
        return
    try:
        facts = imported_facts(name, data.data_dir())
    except CoreError:
        return  # whoever loads it says so
    lines = [
        f"- Read from {escaped(facts.get('source', 'a file'))} as {escaped(facts['kind'])}.",
        *(f"- {escaped(note)}" for note in facts["notes"]),
    ]
    with st.popover(f"Notes ({len(lines)})", icon=":material/sticky_note_2:"):
        st.markdown("**What was decided while reading**")
        st.markdown("\n".join(lines))


def _not_fetched(name: str, key: str) -> None:
    with st.container(border=True, gap="small", width=720), errors_shown(with_links=False):
        st.header(f"{escaped(name)} is not on this machine yet", anchor=False)
        st.markdown(
            "Fashion-MNIST is 70,000 grey images of clothes in 10 classes, about 30 MB. It is fetched once, checked "
            "byte by byte, and kept. A folder that holds the four files will do as well, without a network."
        )
        folder = ""
        if is_local():
            folder = st.text_input(
                "Folder with the files (optional)", key=f"{key}-folder", placeholder="known sources"
            )
        if st.button("Fetch it", type="primary", icon=":material/download:", key=f"{key}-fetch"):
            begin("fetch", {"name": name, "source": folder or None})
            st.rerun()
        st.caption("The same from the shell: `petridish datasets fetch fashion`")
