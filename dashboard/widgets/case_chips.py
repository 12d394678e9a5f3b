"""Filters of the page Errors as chips that can be removed, a way to add one, and the order of the images.

Which filters there are, and what their texts mean, `core.evaluation.case_filters` says; they stand in the URL under their
names, the order as sort=loss and, the other way round, order=reversed.
"""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.evaluation.case_filters import RANGES, CaseFilter
from core.evaluation.case_parsing import KINDS, filters_of, parsed
from core.evaluation.data_map import REGIONS
from core.exceptions import CoreError
from core.labels import LabelSpace
from dashboard import errors_data
from dashboard.widgets.case_choice import Look, from_the_first_image
from dashboard.widgets.markdown import escaped

SORT, ORDER, REVERSED = "sort", "order", "reversed"
SORTS = {
    "loss": ("Loss", False),
    "confidence": ("Confidence", False),
    "margin": ("Margin", True),
    "disagreement": ("Disagreement", False),
    "times_forgotten": ("Times forgotten", False),
    "count_error": ("Count error", False),
    "sample_id": ("Sample id", True),
}
"""Column -> words, and whether the smallest stand first."""

_TITLES = {
    "true": "True class",
    "predicted": "Predicted class",
    "pair": "Pair of types",
    "right": "Right or wrong",
    "confidence": "Confidence",
    "loss": "Loss (nats)",
    "margin": "Margin",
    "count_error": "Count error (figures)",
    "probability": "Probability of a class",
    "disagree": "Runs disagree",
    "duplicates": "Duplicates",
    "suspect": "Label in doubt",
    "doubted": "Label doubted by cleanlab",
    "region": "Region of the data map",
    "ids": "Sample ids",
}
_HINTS = {
    "right": "no",
    "confidence": "0.9..",
    "loss": "2..",
    "margin": "-0.1..0.1",
    "count_error": "1..",
    "probability": "6:0.3..0.7",
    "disagree": "yes",
    "duplicates": "yes",
    "suspect": "yes",
    "doubted": "yes",
    "ids": "15, 3",
}
MARGIN = (
    "Probability of the true class less the largest of the others, from -1 to 1; below 0 is wrong."
)
_HELP = {
    "margin": MARGIN,
    "count_error": "Sum over all types of how far the predicted count is from the true one.",
    "disagree": "The chosen runs do not all say the same; a single run stands beside all finished ones on its data.",
    "suspect": "All these runs agree with each other and not with the label, which may therefore be wrong.",
    "doubted": "Confident learning by cleanlab, an optional package, on the runs' mean; not for images that they trained on.",
    "duplicates": "Images whose pixels occur again, in this split or in another one.",
    "probability": "CLASS:LOW..HIGH",
}
_PROBLEM = "case-filter-problem"


def chips(look: Look, key: str) -> list[CaseFilter]:
    """Show the filters of the URL, each as a button that removes it, and the way to add one; return them."""
    asked = {kind: st.query_params[kind] for kind in KINDS if kind in st.query_params}
    filters, problems = filters_of(asked, look.space)
    for one in filters:
        st.button(
            escaped(one.words(look.space)),
            icon=":material/close:",
            key=f"{key}-{one.kind}",
            help="Remove this filter",
            on_click=remove_filter,
            args=(one.kind,),
        )
    _adder(look.space, key)
    if len(filters) > 1:
        st.button("Clear", type="tertiary", key=f"{key}-clear", on_click=put_filters, args=({},))
    for problem in problems:
        st.session_state.setdefault(f"{key}-problems", []).append(problem)
    return filters


def filter_problems(key: str, more: Sequence[str] = ()) -> None:
    """Say which filters of the link mean nothing; beneath the chips, whose row has no room for it."""
    for problem in [*st.session_state.pop(f"{key}-problems", []), *more]:
        st.warning(f"{escaped(problem)}", icon=":material/filter_alt_off:")


def put_filter(kind: str, text: str) -> None:
    """Put a filter into the URL, from its first image on."""
    from_the_first_image()
    st.query_params[kind] = text


def remove_filter(kind: str) -> None:
    """Take a filter out of the URL."""
    from_the_first_image()
    if kind in st.query_params:
        del st.query_params[kind]


def put_filters(texts: dict[str, str]) -> None:
    """Put filters into the URL in place of all others."""
    for kind in KINDS:
        remove_filter(kind)
    st.query_params.update(texts)


def _adder(space: LabelSpace, key: str) -> None:
    with st.popover("Filter", icon=":material/add:", key=f"{key}-add"):
        problem = st.session_state.pop(_PROBLEM, None)
        if problem:
            st.error(escaped(problem), icon=":material/error:")
        kinds = [one for one in KINDS if _is_possible(one, space)]
        kind = st.selectbox(
            "Filter by",
            kinds,
            index=kinds.index("true"),
            format_func=lambda one: _TITLES[one],
            key=f"{key}-kind",
        )
        field = f"{key}-value-{kind}"
        text = _input(kind, space, field)
        if kind in _HELP:
            st.caption(_HELP[kind])
        st.button(
            "Add",
            type="primary",
            key=f"{key}-put",
            on_click=_add,
            args=(kind, text, space),
            disabled=not text,
        )


def _input(kind: str, space: LabelSpace, field: str) -> str:
    """Show the input of a filter and return its text; "" while nothing was given."""
    match kind:
        case "true" | "predicted":
            names = space.class_names
            chosen = st.multiselect(
                "Classes",
                range(len(names)),
                format_func=lambda label: names[label],
                key=field,
                placeholder="Choose classes",
            )
            return ",".join(map(str, chosen))
        case "pair" | "region":
            names = (
                list(REGIONS) if kind == "region" else list(dict.fromkeys(space.class_groups or ()))
            )
            return ",".join(st.multiselect("Which", names, key=field, placeholder="Choose some"))
        case "right" | "disagree" | "duplicates" | "suspect" | "doubted":
            options = ["yes", "no"]
            first = options.index(_HINTS[kind])
            words = {"yes": "right", "no": "wrong"} if kind == "right" else {}
            return str(
                st.segmented_control(
                    "Which",
                    options,
                    default=options[first],
                    required=True,
                    format_func=lambda one: words.get(one, one),
                    key=field,
                )
            )
    is_range = kind in RANGES or kind == "probability"
    return st.text_input(
        "LOW..HIGH, either may be missing" if is_range else "Sample ids",
        key=field,
        placeholder=_HINTS[kind],
    )


def _is_possible(kind: str, space: LabelSpace) -> bool:
    if kind == "pair":
        return space.class_groups is not None
    return kind != "count_error" or space.num_counts > 0


def _add(kind: str, text: str, space: LabelSpace) -> None:
    try:
        put_filter(kind, parsed(kind, text, space).text)
    except CoreError as error:
        st.session_state[_PROBLEM] = str(error)


def sort_picker(look: Look, key: str) -> tuple[str, bool]:
    """Show the choice of the order; return the column and whether its smallest values stand first."""
    known = [
        one
        for one in SORTS
        if (one != "times_forgotten" or look.epochs)
        and (one != "count_error" or look.space.num_counts)
    ]
    asked = st.query_params.get(SORT)
    st.session_state[key] = asked if asked in known else known[0]

    def choose() -> None:
        from_the_first_image()
        st.query_params[SORT] = st.session_state[key]

    column = st.selectbox(
        "Sorted by",
        known,
        format_func=lambda one: f"by {SORTS[one][0].lower()}",
        key=key,
        on_change=choose,
        label_visibility="collapsed",
        width=170,
    )
    is_reversed = st.query_params.get(ORDER) == REVERSED
    is_rising = SORTS[column][1] != is_reversed
    st.button(
        "Smallest first" if is_rising else "Largest first",
        icon=":material/arrow_upward:" if is_rising else ":material/arrow_downward:",
        type="tertiary",
        key=f"{key}-order",
        on_click=_turn,
        help="Turn the order round",
    )
    return column, is_rising


def _turn() -> None:
    from_the_first_image()
    if st.query_params.get(ORDER) == REVERSED:
        del st.query_params[ORDER]
    else:
        st.query_params[ORDER] = REVERSED


def chosen_rows(
    look: Look, filters: Sequence[CaseFilter], column: str, is_rising: bool
) -> tuple[pd.DataFrame, list[str]]:
    """Return the images that the filters keep, in order, and what is to be said of filters that were ignored."""
    wanted = [*(one.column for one in filters), column]
    table, problems = errors_data.full_table(look.cases, look.lead, look.split, wanted)
    rows, ignored = errors_data.kept_rows(look.cases, table, filters)
    if column in rows:
        # Equal ones by their number, whatever the direction; without a number last.
        rows = rows.sort_values(
            [column, "sample_id"], ascending=[is_rising, True], kind="stable", na_position="last"
        )
    return rows, [*problems, *ignored]
