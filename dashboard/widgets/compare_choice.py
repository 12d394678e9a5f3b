"""Which runs are compared; it stands in the URL, so that a copied link shows the same.

dataset=digits      runs of this data set
suite=dense         of them those of a suite
tag=lecture         of them those with a tag
runs=ID,ID          exactly these, whatever else is said

Without any of it: the newest suite, or all runs of the newest data set; of the one chosen last in this visit on other
pages, where it has runs.
"""

from collections.abc import Sequence

import streamlit as st

from core.runs.run import Run
from dashboard.widgets.case_link import EPOCH
from dashboard.widgets.cell import IMAGE_KEY, PAGE_KEY
from dashboard.widgets.dataset_picker import URL_KEY as DATASET
from dashboard.widgets.dataset_picker import chosen_last
from dashboard.widgets.markdown import escaped
from dashboard.widgets.run_table import URL_KEY as RUNS

SUITE, TAG = "suite", "tag"
VARIANTS, BASELINE, OPEN = "variants", "baseline", "open"
_OF_THE_CHOICE = (SUITE, TAG, VARIANTS, BASELINE, OPEN, IMAGE_KEY, "a", "b", "pile", "class", EPOCH)
"""What is said of one choice and means nothing for another."""


def compare_choice(runs: Sequence[Run], key: str) -> list[Run]:
    """Show the choice and return the runs, newest first; damaged ones that belong to it are among them.

    Args:
        runs: all there are, newest first; at least one.
        key: of the widgets.
    """
    asked = st.query_params.get(RUNS)
    if asked:
        return _exactly(runs, asked.split(","), key)
    names = _distinct([run.dataset for run in runs])
    if not names:
        return list(runs)
    if DATASET not in st.query_params:
        _write_data_set(runs)
    dataset = _picked("Data set", DATASET, names, key, width=170) or names[0]
    here = [run for run in runs if run.dataset == dataset]
    suite = _picked("Suite", SUITE, _distinct([run.spec.get("suite") for run in here]), key)
    tag = _picked("Tag", TAG, _distinct([tag for run in here for tag in run.tags]), key)
    wanted = [
        run
        for run in here
        if (suite is None or run.spec.get("suite") == suite) and (tag is None or tag in run.tags)
    ]
    # Where nothing says what a damaged run was, it may well have belonged here.
    return [*wanted, *(run for run in runs if run.damaged and run.dataset is None)]


def forget_choice(*kept: str) -> None:
    """Take out of the URL what was said of the choice before."""
    st.session_state[PAGE_KEY] = 1
    for name in set(_OF_THE_CHOICE) - set(kept):
        if name in st.query_params:
            del st.query_params[name]


def _exactly(runs: Sequence[Run], ids: Sequence[str], key: str) -> list[Run]:
    found = [run for run in runs if run.id in ids]
    st.button(
        f"{len(found)} chosen {'run' if len(found) == 1 else 'runs'}",
        icon=":material/close:",
        key=f"{key}-chip",
        help="Remove this choice, and choose by data set, suite and tag.",
        on_click=_leave_runs,
    )
    missing = len(set(ids)) - len(found)
    if missing:
        st.caption(f"{missing} of the runs in this link are not in this runs folder.")
    return found


def _leave_runs() -> None:
    forget_choice()
    for name in (RUNS, DATASET):
        if name in st.query_params:
            del st.query_params[name]


def _write_data_set(runs: Sequence[Run]) -> None:
    """Put the data set of the newest runs that are asked for into the URL; when nothing is asked, their suite too.

    Runs of the data set chosen last in this visit go before newer ones.
    """
    suite, tag = (st.query_params.get(name) for name in (SUITE, TAG))
    wanted = [
        run
        for run in runs
        if (suite is None or run.spec.get("suite") == suite) and (tag is None or tag in run.tags)
    ]
    last = chosen_last()
    of_last = [run for run in wanted if last is not None and run.dataset == last[0]]
    wanted = of_last or wanted
    of_suites = [run for run in wanted if run.spec.get("suite")]
    newest = next((run for run in [*of_suites, *wanted, *runs] if run.dataset), runs[0])
    st.query_params[DATASET] = str(newest.dataset)
    if suite is None and tag is None and newest.spec.get("suite"):
        st.query_params[SUITE] = newest.spec["suite"]


def _picked(
    label: str, name: str, options: Sequence[str], key: str, width: int = 150
) -> str | None:
    """Show a choice that stands in the URL as `name`; all but the data set may also be left open (None)."""
    asked = st.query_params.get(name)
    is_open = name != DATASET
    if asked is not None and asked not in options:
        st.warning(
            f"No run here has the {label.lower()} {escaped(asked[:40])} that the link names.",
            icon=":material/link_off:",
        )
        asked = None
    if is_open and not options:
        return None
    # The URL is the truth and the widget follows, so that the browser's way back works too.
    st.session_state[f"{key}-{name}"] = asked if is_open else asked or options[0]
    return st.selectbox(
        label,
        options,
        index=None if is_open else 0,
        key=f"{key}-{name}",
        on_change=lambda: _choose(name, st.session_state[f"{key}-{name}"]),
        placeholder=f"Every {label.lower()}",
        label_visibility="collapsed",
        width=width,
    )


def _choose(name: str, value: str | None) -> None:
    forget_choice(*((SUITE, TAG) if name != DATASET else ()))
    if value is not None:
        st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]


def _distinct(values: Sequence[str | None]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))
