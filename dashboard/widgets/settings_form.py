"""Inputs made from declared settings: kind, range, unit, help and default all come from the pydantic field.

Apart from the page because every page that takes settings wants the same. It checks nothing: `core` does, once, and
its message names the setting.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from core.differences import setting_words, value_words
from core.exceptions import InvalidParameter
from core.settings import Settings, field_bounds

GRID_COLUMNS = 3


def settings_form(
    values: Settings, key: str, group: str, names: Sequence[str] | None = None
) -> dict[str, Any]:
    """Show an input per setting and return the values as plain data, ready for `checked`.

    Args:
        values: the defaults to start from; their class declares the settings.
        key: of the widget; another key starts from the defaults again.
        group: name of the settings in messages, such as "training".
        names: the settings to show and return, in this order; all of them by default.

    Raises:
        InvalidParameter: a list of numbers cannot be read.
    """
    fields = type(values).model_fields
    entered: dict[str, Any] = {}
    grid = st.grid(GRID_COLUMNS, min_column_width=150, gap="small")
    for name in fields if names is None else names:
        value = getattr(values, name)
        # What it is called is no setting: an only choice, or the name of an imported data set.
        if name == "name" or _is_only_choice(fields[name]):
            entered[name] = value
            continue
        with grid.cell():
            entered[name] = setting_input(name, fields[name], value, f"{key}-{name}", group)
    return entered


def setting_input(name: str, field: FieldInfo, value: Any, key: str, group: str) -> Any:
    """Show the input of one setting and return its value as plain data.

    Args:
        name: of the setting.
        field: its declaration.
        value: to start from.
        key: of the widget.
        group: name of the settings in messages.

    Raises:
        InvalidParameter: a list of numbers cannot be read.
    """
    label, bounds = label_of(name, field), field_bounds(field)
    shared: dict[str, Any] = {"key": key, "persist_state": "session", "help": _help(field, bounds)}
    kind = field.annotation
    if get_origin(kind) is Literal:
        options = list(get_args(kind))
        return st.selectbox(label, options, options.index(value), **shared)
    if kind is bool:
        return st.toggle(label, value, **shared)
    # No bounds for the inputs: the browser would show a value out of them and go on with the one before, unsaid. The
    # check after the form refuses it in words, and the help names the range.
    if kind is int:
        step = 10 ** int(math.log10(value)) if _extra(field).get("log") and value > 0 else 1
        return st.number_input(label, value=value, step=step, **shared)
    if kind is float:
        step = _step(float(value), field)
        return st.number_input(label, value=float(value), step=step, format="%g", **shared)
    if is_list(field):
        text = st.text_input(label, ", ".join(map(value_words, value)), **shared)
        return _numbers(f"{group}.{name}", text or "", is_whole=not _holds_floats(kind))
    return st.text_input(label, str(value), **shared)


def label_of(name: str, field: FieldInfo | None = None) -> str:
    """Return a setting's name as the screen says it, with its unit: "Batch size (samples)"."""
    words = setting_words(name)
    unit = _extra(field).get("unit") if field is not None else None
    named = f" ({unit})" if unit and unit not in words else ""
    return f"{words[0].upper()}{words[1:]}{named}"


def is_list(field: FieldInfo) -> bool:
    """Return whether a setting's value is a list of numbers."""
    return get_origin(field.annotation) is tuple


def _is_only_choice(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1


def _holds_floats(kind: Any) -> bool:
    return kind is float or any(map(_holds_floats, get_args(kind)))


def _extra(field: FieldInfo) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def _help(field: FieldInfo, bounds: Mapping[str, float]) -> str:
    low, high = bounds.get("ge", bounds.get("gt")), bounds.get("le", bounds.get("lt"))
    text = field.description or ""
    return text if low is None or high is None else f"{text} From {low:,g} to {high:,g}."


def _step(value: float, field: FieldInfo) -> float:
    """Return a step of the value's own magnitude on a logarithmic scale, else a tenth."""
    if _extra(field).get("log") and value > 0:
        return 10.0 ** math.floor(math.log10(value))
    return 0.1 if value == 0 or value >= 0.1 else 10.0 ** math.floor(math.log10(value))


def _numbers(path: str, text: str, *, is_whole: bool) -> list[int] | list[float]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    try:
        return [int(part) for part in parts] if is_whole else [float(part) for part in parts]
    except ValueError:
        kind, example = ("whole numbers", "128, 64") if is_whole else ("numbers", "0.5, 0.3")
        raise InvalidParameter(
            f"{path} must be {kind} with commas between them, such as {example}; got {text!r}."
        ) from None
