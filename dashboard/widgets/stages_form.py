"""Courses of training in a row: adding, removing and moving stages, and what each changes of the settings above.

Apart from the settings form because stages are a list. What a stage may change is declared in `core.config`.
"""

from typing import Any

import streamlit as st

from core.config import MOST_STAGES, WHOLE_RUN, RunConfig, Stage, TrainingConfig
from dashboard.widgets.settings_form import GRID_COLUMNS, label_of, setting_input

CHANGEABLE = [name for name in TrainingConfig.model_fields if name not in WHOLE_RUN]


def stages_form(base: RunConfig, training: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Show the stages and return them as plain values; none stands for a single course.

    Args:
        base: what the form starts from.
        training: the settings above, as entered.
        key: of the widget; another key starts from the base again.

    Raises:
        InvalidParameter: a list of numbers cannot be read.
    """
    order_key = f"{key}-order"
    # Which stages there are, by number: the base's own first, then those added. Widgets keep the rest.
    order = list(st.session_state.setdefault(order_key, list(range(len(base.stages)))))
    if not order:
        st.caption(
            "One course of training, with the settings above from its first epoch to its last."
        )
    stages = []
    for place, number in enumerate(order):
        known = base.stages[number] if number < len(base.stages) else Stage()
        with st.container(border=True, gap="small"):
            _header(order, place, order_key, f"{key}-{number}")
            stages.append(_stage(known, place, training, f"{key}-{number}"))
    if len(order) < MOST_STAGES:
        st.button(
            "Add a stage" if order else "Train in stages",
            icon=":material/add:",
            key=f"{key}-add",
            on_click=_add,
            args=(order_key, len(base.stages)),
        )
    return stages


def _header(order: list[int], place: int, order_key: str, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**Stage {place + 1}**", width="content")
        st.space("stretch")
        for icon, what, to in (
            ("arrow_upward", "earlier", place - 1),
            ("arrow_downward", "later", place + 1),
        ):
            st.button(
                "",
                icon=f":material/{icon}:",
                type="tertiary",
                key=f"{key}-{what}",
                help=f"Move stage {place + 1} to be {what}",
                disabled=not 0 <= to < len(order),
                on_click=_move,
                args=(order_key, place, to),
            )
        st.button(
            "",
            icon=":material/delete:",
            type="tertiary",
            key=f"{key}-remove",
            help=f"Remove stage {place + 1}",
            on_click=_remove,
            args=(order_key, place),
        )


def _stage(known: Stage, place: int, training: dict[str, Any], key: str) -> dict[str, Any]:
    fields = TrainingConfig.model_fields
    start, changed = st.columns([1, 2], gap="small")
    if place == 0:
        start.caption("Starts from new weights.")
        starts_from = known.starts_from
    else:
        with start:
            field = Stage.model_fields["starts_from"]
            starts_from = setting_input(
                "starts_from", field, known.starts_from, f"{key}-from", "stages"
            )
    names = changed.multiselect(
        "Settings that this stage changes",
        CHANGEABLE,
        list(known.changes),
        format_func=label_of,
        key=f"{key}-names",
        persist_state="session",
        placeholder="None: as set above",
    )
    changes: dict[str, Any] = {}
    if names:
        grid = st.grid(GRID_COLUMNS, min_column_width=150, gap="small")
        for name in names:
            value = known.changes.get(name, training[name])
            with grid.cell():
                changes[name] = setting_input(
                    name, fields[name], value, f"{key}-{name}", f"stage {place + 1}"
                )
    return {"starts_from": starts_from, "changes": changes}


def _add(order_key: str, num_base: int) -> None:
    order = st.session_state[order_key]
    # A number that was never used, so that no widget of a removed stage comes back with its values.
    newest = st.session_state.get(f"{order_key}-newest", num_base - 1) + 1
    st.session_state[f"{order_key}-newest"] = newest
    st.session_state[order_key] = [*order, newest]


def _move(order_key: str, place: int, to: int) -> None:
    order = list(st.session_state[order_key])
    order.insert(to, order.pop(place))
    st.session_state[order_key] = order


def _remove(order_key: str, place: int) -> None:
    order = list(st.session_state[order_key])
    del order[place]
    st.session_state[order_key] = order
