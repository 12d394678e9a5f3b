"""Choosing a data set and its settings; both stand in the URL, so that a copied link shows the same.

dataset=shapes                    the data set
settings=images:100000,seed:3     those of its settings that are not the defaults

Within a visit, a page that is opened without a data set shows the one chosen last on any page; a link goes before.
"""

from typing import Any

import orjson
import streamlit as st

from core.datasets import DATASETS
from core.exceptions import InvalidInput
from dashboard import data
from dashboard.widgets.cell import IMAGE_KEY, PAGE_KEY
from dashboard.widgets.errors import errors_shown
from dashboard.widgets.markdown import escaped
from dashboard.widgets.selection import URL_KEY as LOOK_KEY
from dashboard.widgets.settings_form import label_of, settings_form

URL_KEY = "dataset"
SETTINGS_KEY = "settings"
LABEL_KEY = "label"
SEED_KEY = "seed"
IMAGES_KEY = "images"

_OF_ONE_DATASET = (URL_KEY, SETTINGS_KEY, LOOK_KEY, IMAGE_KEY, IMAGES_KEY, LABEL_KEY)
"""What a URL says of one data set and means nothing for another."""
_CHOSEN_LAST = "dataset-chosen-last"


def dataset_picker(key: str) -> str:
    """Show the choice and return the name; an unknown one in the URL is named and the first taken instead."""
    names = data.dataset_names()
    last = chosen_last()
    if URL_KEY not in st.query_params and last is not None:
        # What a link says beside it stays.
        st.query_params.update({**_link(*last), **st.query_params.to_dict()})
    asked = st.query_params.get(URL_KEY)
    if asked is not None and asked not in names:
        st.warning(
            f"The link names the data set {escaped(asked[:40])}, which is not here (any more); this is the first one.",
            icon=":material/link_off:",
        )
    # The URL is the truth and the widget follows, so that the browser's way back works too.
    st.session_state[key] = asked if asked in names else names[0]
    name = st.selectbox(
        "Data set",
        names,
        format_func=lambda name: name if name in DATASETS else f"{name} (imported)",
        key=key,
        on_change=lambda: choose_dataset(st.session_state[key]),
        label_visibility="collapsed",
        width=250,
    )
    if asked != name:
        st.query_params[URL_KEY] = name
    return name


def choose_dataset(name: str) -> None:
    """Put a data set into the URL and take out what was said of the one before; the section stays."""
    st.session_state[PAGE_KEY] = 1
    for left in (SETTINGS_KEY, LOOK_KEY, IMAGE_KEY, IMAGES_KEY, LABEL_KEY, SEED_KEY):
        if left in st.query_params:
            del st.query_params[left]
    st.query_params[URL_KEY] = name
    st.session_state[_CHOSEN_LAST] = [name, ""]


def chosen_last() -> tuple[str, str] | None:
    """Return name and settings of the data set chosen last in this visit, as the URL says them.

    None before one is chosen, and where it is not here any more.
    """
    name, settings = st.session_state.get(_CHOSEN_LAST, (None, ""))
    return (name, settings) if name in data.dataset_names() else None


def of_chosen_last(kept: dict[str, str]) -> dict[str, str]:
    """Return what the URL of a page said when it was left, made to speak of the data set chosen last in this visit.

    What it said of another one, or of the same with other settings, is left out; all else stays.
    """
    last = chosen_last()
    if last is None or (kept.get(URL_KEY), kept.get(SETTINGS_KEY, "")) == last:
        return kept
    others = {key: text for key, text in kept.items() if key not in _OF_ONE_DATASET}
    return {**_link(*last), **others}


def settings_popover(name: str, key: str) -> dict[str, Any]:
    """Show a data set's settings to be changed, and return those in force, `name` among them, as plain values."""
    text = st.query_params.get(SETTINGS_KEY, "")
    try:
        source = data.source({**parsed(text), "name": name})
    except InvalidInput as error:
        st.warning(
            f"The settings in the link cannot be used: {escaped(error)} These are the defaults.",
            icon=":material/link_off:",
        )
        source, text = data.source({"name": name}), ""
    _remember(name, text)
    changed = changes(source.model_dump(mode="json"))
    label = "Settings"
    if changed:
        named = [
            f"{label_of(one).lower()} {value:,}"
            if type(value) is int
            else f"{label_of(one).lower()} {value}"
            for one, value in changed.items()
        ]
        label = f"Settings: {', '.join(named)}"
    with (
        st.popover(escaped(label), icon=":material/tune:"),
        # Another text starts the form from the values that it names.
        st.form(f"{key}-{name}-{text}", border=False),
        errors_shown(with_links=False),
    ):
        entered = settings_form(source, f"{key}-{name}-{text}", "dataset")
        if st.form_submit_button("Apply", type="primary"):
            _apply(data.source(entered).model_dump(mode="json"))
    return source.model_dump(mode="json")


def changes(values: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that are not a data set's defaults."""
    defaults = data.source({"name": values["name"]}).model_dump(mode="json")
    return {name: value for name, value in values.items() if value != defaults[name]}


def parsed(text: str) -> dict[str, Any]:
    """Return the settings that a text such as "images:100000,seed:3" names; what cannot be read stays text."""
    values: dict[str, Any] = {}
    for part in text.split(",") if text else []:
        name, _, value = part.partition(":")
        try:
            values[name] = orjson.loads(value)
        except orjson.JSONDecodeError:
            values[name] = value
    return values


def put_settings(values: dict[str, Any]) -> None:
    """Put those settings of the chosen data set into the URL that are not its defaults."""
    text = ",".join(
        f"{name}:{orjson.dumps(value).decode()}" for name, value in changes(values).items()
    )
    if text:
        st.query_params[SETTINGS_KEY] = text


def _link(name: str, settings: str) -> dict[str, str]:
    return {URL_KEY: name} | ({SETTINGS_KEY: settings} if settings else {})


def _remember(name: str, settings: str) -> None:
    """Note what the page shows as chosen, unless it is only what every page begins with."""
    is_first = name == data.dataset_names()[0] and not settings
    if _CHOSEN_LAST in st.session_state or not is_first:
        st.session_state[_CHOSEN_LAST] = [name, settings]


def _apply(values: dict[str, Any]) -> None:
    choose_dataset(values["name"])
    put_settings(values)
    st.rerun()
