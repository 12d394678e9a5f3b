"""Inputs made from declared settings: kind, range, unit, help and default all come from the pydantic field.

Apart from the page because every page that takes settings wants the same. It checks nothing: `core` does, once, and
its message names the setting.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import pydantic
import streamlit as st
from pydantic.fields import FieldInfo

from core.exceptions import CoreError, InvalidParameter
from core.settings import Settings, field_bounds
from core.variants import run_config
from dashboard.widgets.markdown import escaped

GRID_COLUMNS = 3

Difference = tuple[str, Any, Any]
"""Dotted path of a setting, the value it had, the value it has now; None where there was or is none."""


def settings_form(values: Settings, key: str, group: str) -> dict[str, Any]:
    """Show an input per setting and return the values as plain data, ready for `checked`.

    Args:
        values: the defaults to start from; their class declares the settings.
        key: of the widget; another key starts from the defaults again.
        group: name of the settings in messages, such as "training".

    Raises:
        InvalidParameter: a list of numbers cannot be read.
    """
    entered: dict[str, Any] = {}
    grid = st.grid(GRID_COLUMNS, min_column_width=150, gap="small")
    for name, field in type(values).model_fields.items():
        value = getattr(values, name)
        # What it is called is no setting: an only choice, or the name of an imported data set.
        is_only = get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1
        if is_only or name == "name":
            entered[name] = value
            continue
        with grid.cell():
            entered[name] = _input(name, field, value, f"{key}-{name}", group)
    return entered


def label_of(name: str, field: FieldInfo | None = None) -> str:
    """Return a setting's name as the screen says it, with its unit: "Batch size (samples)"."""
    words = name.replace("num_", "number_of_").replace("_", " ")
    unit = _extra(field).get("unit") if field is not None else None
    named = f" ({unit})" if unit and unit not in words else ""
    return f"{words[0].upper()}{words[1:]}{named}"


def _input(name: str, field: FieldInfo, value: Any, key: str, group: str) -> Any:
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
    if get_origin(kind) is tuple:
        text = st.text_input(label, ", ".join(str(one) for one in value), **shared)
        return _numbers(f"{group}.{name}", text or "")
    return st.text_input(label, str(value), **shared)


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


def _numbers(path: str, text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    try:
        return [int(part) for part in parts]
    except ValueError:
        raise InvalidParameter(
            f"{path} must be whole numbers with commas between them, such as 128, 64; got {text!r}."
        ) from None


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """Return the settings that differ, by dotted path, in the order of `now`."""
    found: list[Difference] = []
    for name in dict.fromkeys([*now, *before]):
        old, new = before.get(name), now.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += [(f"{name}.{path}", *values) for path, *values in differences(old, new)]
        elif old != new:
            found.append((name, old, new))
    return found


def differences_from_variant(config: Mapping[str, Any]) -> list[Difference] | None:
    """Return where a run's config differs from its variant; None when this version has no such variant."""
    try:
        plain = run_config({"name": config["dataset"]["name"]}, config["variant"])
    except (CoreError, KeyError, TypeError, pydantic.ValidationError):
        return None
    return differences(plain.to_json(), config)


def shown_differences(found: Sequence[Difference] | None, variant: str) -> None:
    """Say in words how settings differ from a variant."""
    if found is None:
        return
    if not found:
        st.caption(f"All settings are those of {escaped(variant)}.")
        return
    st.caption(f"Changed from {escaped(variant)}:")
    lines = [
        f"- {escaped(label_of(path.rpartition('.')[2]))}: {_value(old)} → **{_value(new)}**"
        for path, old, new in found
    ]
    st.markdown("\n".join(lines))


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return escaped(", ".join(str(one) for one in value)) or "none"
    return (
        "not set" if value is None else escaped(f"{value:g}" if isinstance(value, float) else value)
    )
