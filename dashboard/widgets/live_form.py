"""Inputs made from declared settings that act at once, for values that live elsewhere, such as in the URL.

Apart from `settings_form`, which keeps what was entered until it is handed in: here every change is handed on before the
page runs again, and the inputs follow the values, so that the browser's way back works. Bounded numbers are sliders.
"""

import math
from collections.abc import Callable, Collection
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from core.exceptions import CoreError
from core.settings import Settings, field_bounds
from dashboard.widgets.markdown import escaped
from dashboard.widgets.settings_form import label_of

COLUMNS = 2


def live_form(
    values: Settings,
    key: str,
    on_change: Callable[[dict[str, Any]], None],
    skipped: Collection[str] = ("name",),
) -> None:
    """Show an input per setting.

    Args:
        values: what the inputs show; their class declares the settings.
        key: of the widget.
        on_change: called with all settings as plain values when one was changed, before the page runs again. A CoreError
            of its is shown, and the inputs go back to the values.
        skipped: settings without an input.
    """
    problem = st.session_state.pop(f"{key}-problem", None)
    fields = {name: one for name, one in type(values).model_fields.items() if name not in skipped}
    # What is chosen among several takes the whole width.
    wide = {name: one for name, one in fields.items() if get_origin(one.annotation) is tuple}
    for name, field in wide.items():
        _input(
            name, field, getattr(values, name), f"{key}-{name}", _changed(values, key, on_change)
        )
    narrow = {name: one for name, one in fields.items() if name not in wide}
    grid = st.grid(max(1, min(COLUMNS, len(narrow))), min_column_width=105, gap="small")
    for name, field in narrow.items():
        with grid.cell():
            _input(
                name,
                field,
                getattr(values, name),
                f"{key}-{name}",
                _changed(values, key, on_change),
            )
    if problem:
        st.error(escaped(problem), icon=":material/error:")


def _changed(
    values: Settings, key: str, on_change: Callable[[dict[str, Any]], None]
) -> Callable[[], None]:
    def hand_on() -> None:
        shown = values.model_dump()
        # All of them: a second change may come before the first has gone through the browser.
        entered = {name: st.session_state.get(f"{key}-{name}", one) for name, one in shown.items()}
        try:
            on_change(entered)
        except CoreError as error:
            st.session_state[f"{key}-problem"] = str(error)

    return hand_on


def _input(
    name: str, field: FieldInfo, value: Any, key: str, on_change: Callable[[], None]
) -> None:
    label, kind = label_of(name, field), field.annotation
    shared: dict[str, Any] = {"key": key, "help": field.description, "on_change": on_change}
    # The value is handed over here and not to the input: what the user just chose is in it already.
    st.session_state[key] = list(value) if isinstance(value, tuple) else value
    if get_origin(kind) is Literal:
        st.selectbox(label, get_args(kind), **shared)
    elif get_origin(kind) is tuple:
        st.multiselect(label, get_args(get_args(kind)[0]), **shared)
    elif kind is bool:
        st.toggle(label, **shared)
    elif kind in (int, float):
        _slider(label, field, kind, shared)
    else:
        st.text_input(label, **shared)


def _slider(label: str, field: FieldInfo, kind: type, shared: dict[str, Any]) -> None:
    bounds = field_bounds(field)
    low, high = bounds.get("ge", bounds.get("gt")), bounds.get("le", bounds.get("lt"))
    if low is None or high is None:
        st.number_input(label, step=1 if kind is int else 0.1, **shared)
        return
    step = 1 if kind is int else 10.0 ** math.floor(math.log10((high - low) / 99))
    # Ends that the bounds leave out are a step away.
    least, most = low if "ge" in bounds else low + step, high if "le" in bounds else high - step
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    is_share = kind is float and (low, high) == (0, 1) and extra.get("is_share", True)
    st.slider(
        label,
        kind(least),
        kind(most),
        step=kind(step),
        format="percent" if is_share else None,
        **shared,
    )
