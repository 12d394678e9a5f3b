"""The way to the page Errors: which runs, split and epoch, and which of their images, as one link.

/errors?runs=ID,ID2&split=validation&epoch=7&true=6&predicted=0,2

Every other key is a filter of `core.evaluation.case_filters`, which says what its text means; the page names and ignores
what it cannot use, so nothing is checked here. Apart from the page's widgets because other pages call it.
"""

from collections.abc import Sequence

import orjson
import streamlit as st

from core.runs.run import Run

RUNS, SPLIT, EPOCH = "runs", "split", "epoch"
PAGE = "views/errors.py"

_WISH = "case-link"


def cases_query(
    runs: Sequence[Run], split: str, *, epoch: int | None = None, **filters: str
) -> dict[str, str]:
    """Return the query of a link to the images behind a number; arguments as for `open_cases`."""
    query = {RUNS: ",".join(run.id for run in runs), SPLIT: split}
    if epoch is not None:
        query[EPOCH] = str(epoch)
    return query | {name: text for name, text in filters.items() if text}


def open_cases(
    runs: Sequence[Run], split: str, *, epoch: int | None = None, **filters: str
) -> None:
    """Go to the page Errors and show the images behind a number; for a widget's callback, as the last thing it does.

    Args:
        runs: whose answers are looked at, the one that the number belongs to first.
        split: "test", "validation" or "train".
        epoch: of validation and train; None for each run's best.
        **filters: as `core.evaluation.case_filters` reads them, such as `true="6", predicted="0,2"`.
    """
    open_query(cases_query(runs, split, epoch=epoch, **filters))


def open_query(query: dict[str, str]) -> None:
    """Go to the page Errors with a query; from a callback too."""
    # st.switch_page does nothing in a callback: the wish is kept, and `app` goes there at the start of the next run. That
    # run is asked for here, since after a callback inside of a fragment only the fragment would run.
    st.session_state[_WISH] = orjson.dumps(query).decode()
    st.rerun()


def go_if_wished() -> None:
    """Go to the page Errors where a callback asked for it; called by `app` before any page runs."""
    wish = st.session_state.pop(_WISH, None)
    if wish is not None:
        st.switch_page(PAGE, query_params=orjson.loads(wish))
