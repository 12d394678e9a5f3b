"""What the page Train is about, in the URL, so that a copied link shows the same; and in the visit, for who comes back.

dataset=digits, settings=...              the data set (`dataset_picker`)
variants=dense-base,conv-base-padded      or suite=demo, or clone=RUN_ID: what to start from
seeds=0-4                                 a run for each
augmentation=fashion-recipe               a preset or saved pipeline in place of the variants' own
changes={"training.learning_rate":0.01}   settings of a single variant or of a clone that differ from it
grid={"training.batch_size":[64,128]}     changes for all runs, and several values of some

The browser sends its URL along with every input, and learns of a change of ours only once it has drawn so far. Who types
two values quickly therefore sends the second with a URL from before the first: taken for a link, it would undo the first.
"""

import time
from typing import Any

import orjson
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.exceptions import InvalidParameter
from core.runs.run import Run
from dashboard.widgets.dataset_picker import SETTINGS_KEY, of_chosen_last
from dashboard.widgets.dataset_picker import URL_KEY as DATASET_KEY

VARIANTS, SUITE, CLONE = "variants", "suite", "clone"
SEEDS, AUGMENTATION, CHANGES, GRID = "seeds", "augmentation", "changes", "grid"

_KEYS = (DATASET_KEY, SETTINGS_KEY, VARIANTS, SUITE, CLONE, SEEDS, AUGMENTATION, CHANGES, GRID)
_KEPT = "train-link"
_REPLACED = "train-link-replaced"

LATE_SECONDS = 5
"""For how long a text that was replaced is taken for a late browser's, and not for a link."""


def clone_link(run: Run) -> None:
    """Show the way to the page Train with all settings of a run, to change some of them."""
    st.page_link(
        "views/train.py",
        label="Clone with changes",
        icon=":material/content_copy:",
        query_params={CLONE: run.id},
        help=f"Fills the form with what {run.title} was trained with.",
    )


def restore_link() -> None:
    """Put back what the URL said when the page was left in this visit, and what a late browser does not know of yet.

    A link that says anything goes before what was left; what was left of another data set than the one chosen last in
    this visit is left out.
    """
    now, kept = _in_url(), _kept()
    if not now:
        st.session_state[_KEPT] = of_chosen_last(kept)
        st.query_params.update(_kept())
        return
    other = [key for key in _KEYS if now.get(key) != kept.get(key)]
    if all(_is_late(key, now.get(key)) for key in other):
        for key in other:
            _put(key, kept.get(key))
    st.session_state[_KEPT] = _in_url()


def said(key: str) -> str | None:
    """Return what the URL says under a key."""
    return st.query_params.get(key)


def said_json(key: str) -> dict[str, Any]:
    """Return the object that the URL says under a key; {} without one.

    Raises:
        InvalidParameter: it is none.
    """
    text = said(key)
    if not text:
        return {}
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise InvalidParameter(f"{key} must be a JSON object; got {text[:60]!r}.")
    return found


def seeds_input(key: str) -> str:
    """Show the input of the seeds and return its text; it stands in the URL."""
    # The URL is the truth and the widget follows, so that the browser's way back works too.
    st.session_state[key] = said(SEEDS) or "0"
    return st.text_input(
        "Seeds",
        key=key,
        on_change=lambda: say(SEEDS, st.session_state[key]),
        help="One run per seed, such as 3, 0-4 or 0,2,5. Equal seeds give equal weights and order.",
    )


def say(key: str, text: str | None) -> None:
    """Put a text into the URL under a key; None takes it out."""
    replaced = dict(st.session_state.get(_REPLACED, {}))
    replaced.pop((key, text), None)
    if said(key) != text:
        replaced[key, said(key)] = time.monotonic()
    # Before the URL, which is where the next input may end this run.
    st.session_state[_REPLACED] = replaced
    st.session_state[_KEPT] = {**_kept(), key: text}
    _put(key, text)


def say_json(key: str, values: dict[str, Any]) -> None:
    """Put an object into the URL under a key; an empty one takes it out."""
    say(key, json_text(values))


def json_text(values: dict[str, Any]) -> str | None:
    """Return an object as it stands in the URL; None for an empty one, which does not."""
    return orjson.dumps(values).decode() if values else None


def _put(key: str, text: str | None) -> None:
    if text is None:
        if key in st.query_params:
            del st.query_params[key]
    elif said(key) != text:
        st.query_params[key] = text


def _kept() -> dict[str, str]:
    kept = st.session_state.get(_KEPT, {})
    return {key: text for key, text in kept.items() if text is not None}


def _is_late(key: str, text: str | None) -> bool:
    """Return whether a text of the URL is one that was replaced just now; the browser's way back means what it says."""
    context = get_script_run_ctx()
    if context is not None and context.is_history_navigation:
        return False
    replaced = st.session_state.get(_REPLACED, {}).get((key, text))
    return replaced is not None and time.monotonic() - replaced < LATE_SECONDS


def _in_url() -> dict[str, str]:
    return {key: st.query_params[key] for key in _KEYS if key in st.query_params}
