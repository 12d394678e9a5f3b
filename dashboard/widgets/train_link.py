"""What the page Train is about, in the URL, so that a copied link shows the same; and in the visit, for who comes back.

dataset=digits, settings=...              the data set (`dataset_picker`)
variants=dense-base,conv-base-padded      or suite=demo, or clone=RUN_ID: what to start from
seeds=0-4                                 a run for each
augmentation=fashion-recipe               a preset or saved pipeline in place of the variants' own
changes={"training.learning_rate":0.01}   settings of a single variant or of a clone that differ from it
grid={"training.batch_size":[64,128]}     changes for all runs, and several values of some
"""

from typing import Any

import orjson
import streamlit as st

from core.exceptions import InvalidParameter
from core.runs.run import Run
from dashboard.widgets.dataset_picker import SETTINGS_KEY
from dashboard.widgets.dataset_picker import URL_KEY as DATASET_KEY

VARIANTS, SUITE, CLONE = "variants", "suite", "clone"
SEEDS, AUGMENTATION, CHANGES, GRID = "seeds", "augmentation", "changes", "grid"

_KEYS = (DATASET_KEY, SETTINGS_KEY, VARIANTS, SUITE, CLONE, SEEDS, AUGMENTATION, CHANGES, GRID)
_KEPT = "train-link"


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
    """Put back what the URL said when the page was left in this visit; a link that says anything goes before all of it."""
    now = _in_url()
    if now:
        st.session_state[_KEPT] = orjson.dumps(now).decode()
    else:
        st.query_params.update(orjson.loads(st.session_state.get(_KEPT, "{}")))


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
    if text is None:
        if key in st.query_params:
            del st.query_params[key]
    elif st.query_params.get(key) != text:
        st.query_params[key] = text
    st.session_state[_KEPT] = orjson.dumps(_in_url()).decode()


def say_json(key: str, values: dict[str, Any]) -> None:
    """Put an object into the URL under a key; an empty one takes it out."""
    say(key, orjson.dumps(values).decode() if values else None)


def _in_url() -> dict[str, str]:
    return {key: st.query_params[key] for key in _KEYS if key in st.query_params}
