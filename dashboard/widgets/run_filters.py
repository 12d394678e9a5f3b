"""Which runs the table shows and in what order; it stands in the URL, so that a copied link shows the same.

search=final cutout         runs with all of these words in name, variant, data set, tags, note or id
state=running&state=failed  runs in one of these states; likewise dataset, variant, suite, tag and owner
sort=best                   the order; newest first without it
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from core.runs.run import Run
from dashboard.widgets.run_words import STATES

FILTERS: dict[str, tuple[str, Callable[[Run], Sequence[str]]]] = {
    "state": ("State", lambda run: [run.state.state]),
    "dataset": ("Data set", lambda run: _known(run.dataset)),
    "variant": ("Variant", lambda run: _known(run.variant)),
    "suite": ("Suite", lambda run: _known(run.spec.get("suite"))),
    "tag": ("Tag", lambda run: run.tags),
    "owner": ("Owner", lambda run: _known(run.spec.get("owner"))),
}
"""Key in the URL -> what it is called, and the values that a run has of it."""

_NEVER = float("-inf")

SORTS: dict[str, tuple[str, Callable[[Run], Any], bool]] = {
    "newest": ("Newest first", lambda run: run.id, True),
    "oldest": ("Oldest first", lambda run: run.id, False),
    "best": ("Best accuracy first", lambda run: _number(run.state.best_validation_accuracy), True),
    "epochs": ("Most epochs first", lambda run: run.state.epoch, True),
    "longest": ("Longest first", lambda run: _spent(run), True),
    "name": ("By name", lambda run: (run.name or run.variant or "~").casefold(), False),
    "state": ("By state", lambda run: list(STATES).index(run.state.state), False),
}
"""Key in the URL -> what the order is called, what it goes by, and whether the largest comes first."""

SUBMITTED = ("newest", "oldest")
"""Orders by the time of submission, see `by_submission`."""
TOGETHER_SECONDS = 1
"""At most, between two runs of one submission: each takes some 50 ms, and ids tell whole seconds."""

SEARCH, SORT, PAGE = "search", "sort", "page"
LONGEST_SEARCH = 200


def run_filters(runs: Sequence[Run], key: str) -> list[Run]:
    """Show search, filters and order, and return the runs that pass, in that order.

    Args:
        runs: all, newest first.
        key: of the widgets.
    """
    wanted = {name: set(st.query_params.get_all(name)) for name in FILTERS}
    num_filters = sum(bool(values) for values in wanted.values())
    text = _search(key)
    with st.popover(
        f"Filter and sort ({num_filters})" if num_filters else "Filter and sort",
        icon=":material/filter_alt:",
        type="primary" if num_filters else "secondary",
        key=f"{key}-filter",
    ):
        left, right = st.columns(2, width=520)
        for number, name in enumerate(FILTERS):
            with right if number % 2 else left:
                _filter(runs, name, wanted[name], key)
        with left:
            order = _sort(key)
        st.button(
            "Show all runs",
            key=f"{key}-clear",
            disabled=not (num_filters or text),
            on_click=_clear,
        )
    words = text.casefold().split()
    found = [run for run in runs if _passes(run, wanted) and _holds(run, words)]
    if order in SUBMITTED:
        return by_submission(found, is_rising=order == "oldest")
    _, value, is_falling = SORTS[order]
    return sorted(by_submission(found), key=value, reverse=is_falling)


def by_submission(runs: Sequence[Run], *, is_rising: bool = False) -> list[Run]:
    """Return runs newest first, those that were submitted together by variant, name and seed.

    Args:
        runs: in any order.
        is_rising: oldest first instead; those submitted together stay in their order.
    """
    together: list[list[Run]] = []
    day, second = "", 0
    for run in sorted(runs, key=lambda run: run.id, reverse=not is_rising):
        before, (day, second) = (day, second), _submitted(run)
        if day != before[0] or abs(second - before[1]) > TOGETHER_SECONDS:
            together.append([])
        together[-1].append(run)
    return [run for some in together for run in sorted(some, key=_within)]


def _submitted(run: Run) -> tuple[str, int]:
    """Return day and second of the day, of the id: that of a damaged run says it too, and ends at random."""
    day, clock, _ = run.id.split("-")
    return day, 3600 * int(clock[:2]) + 60 * int(clock[2:4]) + int(clock[4:])


def _within(run: Run) -> tuple[str, str, int]:
    # By the name that it was submitted under: a run that is renamed later stays in its place.
    return run.variant or "", run.spec.get("name") or "", run.seed or 0


def nothing_found(key: str) -> None:
    """Say that no run passes, and offer to show all of them."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info("No run matches search and filters.", icon=":material/search_off:", width=420)
        st.button("Show all runs", key=f"{key}-all", on_click=_clear)


def _search(key: str) -> str:
    # The URL is the truth and the widget follows, so that the browser's way back works too.
    st.session_state[key] = st.query_params.get(SEARCH, "")[:LONGEST_SEARCH]
    return (
        st.text_input(
            "Search",
            key=key,
            type="search",
            max_chars=LONGEST_SEARCH,
            placeholder="Name, tag, note or id",
            label_visibility="collapsed",
            width=200,
            on_change=lambda: _write(SEARCH, [st.session_state[key]]),
        )
        or ""
    )


def _filter(runs: Sequence[Run], name: str, wanted: set[str], key: str) -> None:
    label, values_of = FILTERS[name]
    counts = Counter(value for run in runs for value in values_of(run))
    # What a link asks for stays a choice when no run has it (any more): it can be taken away.
    options = sorted({*counts, *wanted}, key=str.casefold)
    place = f"{key}-{name}"
    st.session_state[place] = [value for value in options if value in wanted]

    def shown(value: str) -> str:
        word = STATES.get(value, value) if name == "state" else value
        return f"{word} ({counts[value]:,})"

    st.multiselect(
        label,
        options,
        format_func=shown,
        key=place,
        placeholder="all" if options else "none",
        disabled=not options,
        on_change=lambda: _write(name, st.session_state[place]),
    )


def _sort(key: str) -> str:
    place = f"{key}-sort"
    asked = st.query_params.get(SORT, "newest")
    st.session_state[place] = asked if asked in SORTS else "newest"
    return st.selectbox(
        "Order",
        list(SORTS),
        format_func=lambda name: SORTS[name][0],
        key=place,
        on_change=lambda: _write(
            SORT, [name for name in [st.session_state[place]] if name != "newest"]
        ),
    )


def _write(name: str, values: Sequence[str]) -> None:
    kept = [value for value in values if value]
    if kept:
        st.query_params[name] = kept
    elif name in st.query_params:
        del st.query_params[name]
    # Another list begins on its first page.
    if PAGE in st.query_params:
        del st.query_params[PAGE]


def _clear() -> None:
    for name in (SEARCH, *FILTERS):
        _write(name, [])


def _passes(run: Run, wanted: dict[str, set[str]]) -> bool:
    return all(
        not values or not values.isdisjoint(FILTERS[name][1](run))
        for name, values in wanted.items()
    )


def _holds(run: Run, words: Sequence[str]) -> bool:
    if not words:
        return True
    parts = [run.id, run.name, run.variant, run.dataset, run.note, *run.tags]
    text = "\n".join(part for part in parts if part).casefold()
    return all(word in text for word in words)


def _known(value: Any) -> list[str]:
    return [value] if isinstance(value, str) and value else []


def _number(value: float | None) -> float:
    return _NEVER if value is None else value


def _spent(run: Run) -> float:
    started, ended = run.state.started, run.state.ended
    return _NEVER if started is None or ended is None else ended - started
