"""Changes for all runs, and several values of some settings, which make a grid of runs.

Apart from the settings form, which is about one run, because here a setting has a list of values. The choice stands in
the URL. How many runs come of it is `core.plans`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from core.config import RunConfig, TrainingConfig
from core.differences import value_words
from core.exceptions import InvalidParameter
from core.plans import parsed_values
from dashboard.widgets.markdown import escaped
from dashboard.widgets.settings_form import GRID_COLUMNS, is_list, label_of
from dashboard.widgets.train_link import GRID, said_json, say_json

LABEL, LABEL_FOR_ALL = "Several values: a grid of runs", "Changes for all runs, several values"


def grid_form(configs: Sequence[RunConfig], key: str) -> dict[str, list[Any]]:
    """Show the choice and return dotted path -> values.

    Args:
        configs: what is going to be run; the first one's values are where a setting starts.
        key: of the widget.

    Raises:
        InvalidParameter: what the link says of it cannot be read.
    """
    offered, values = _offered(configs), _in_url()
    gone = [path for path in values if path not in offered]
    if gone:
        st.caption(f"Left out, as not all of these variants have it: {escaped(', '.join(gone))}.")
    values = {path: some for path, some in values.items() if path in offered}
    is_one = len(configs) == 1
    with st.expander(
        LABEL if is_one else LABEL_FOR_ALL, expanded=bool(values), icon=":material/apps:"
    ):
        settings_key = f"{key}-settings"
        st.session_state[settings_key] = list(values)
        st.multiselect(
            "Settings",
            list(offered),
            format_func=lambda path: _label(path, offered),
            key=settings_key,
            on_change=lambda: _choose(st.session_state[settings_key], values, configs[0]),
            placeholder="Choose settings",
            help="Every combination of their values is run with every seed. One value is a change for all runs.",
        )
        if values:
            grid = st.grid(GRID_COLUMNS, min_column_width=150, gap="small")
            for path in values:
                with grid.cell():
                    _input(path, offered[path], values, f"{key}-{path}")
    return values


def _input(path: str, field: FieldInfo, values: dict[str, list[Any]], key: str) -> None:
    label, options = f"{label_of(path.rpartition('.')[2], field)}: values", _options(field)
    if options:
        st.session_state[key] = [value for value in values[path] if value in options]
        st.multiselect(
            label,
            options,
            format_func=value_words,
            key=key,
            on_change=lambda: _enter(path, list(st.session_state[key]), values),
        )
        return
    separator = "; " if is_list(field) else ", "
    st.session_state[key] = separator.join(value_words(one) for one in values[path])
    example = "128, 64; 256, 128" if is_list(field) else "several, such as 0.001, 0.003"
    st.text_input(
        label,
        key=key,
        placeholder=example,
        help=f"{field.description or ''} Values with {'semicolons' if is_list(field) else 'commas'} between them.",
        on_change=lambda: _enter(
            path, parsed_values(st.session_state[key] or "", is_list=is_list(field)), values
        ),
    )


def _offered(configs: Sequence[RunConfig]) -> Mapping[str, FieldInfo]:
    offered = {f"training.{name}": field for name, field in TrainingConfig.model_fields.items()}
    kinds = {type(config.model) for config in configs}
    if len(kinds) == 1:
        fields = kinds.pop().model_fields
        offered |= {f"model.{name}": field for name, field in fields.items() if name != "name"}
    return offered


def _options(field: FieldInfo) -> list[Any]:
    if get_origin(field.annotation) is Literal:
        return list(get_args(field.annotation))
    return [False, True] if field.annotation is bool else []


def _label(path: str, offered: Mapping[str, FieldInfo]) -> str:
    group, _, name = path.partition(".")
    label = label_of(name, offered.get(path))
    return label if group == "training" else f"{label}, of the network"


def _choose(chosen: Sequence[str], values: Mapping[str, list[Any]], first: RunConfig) -> None:
    start = first.to_json()
    kept = {}
    for path in chosen:
        group, _, name = path.partition(".")
        kept[path] = values.get(path, [start[group][name]])
    say_json(GRID, kept)


def _enter(path: str, entered: list[Any], values: Mapping[str, list[Any]]) -> None:
    say_json(GRID, {**values, path: entered})


def _in_url() -> dict[str, list[Any]]:
    found = said_json(GRID)
    for path, some in found.items():
        if not isinstance(some, list):
            raise InvalidParameter(f"{GRID}: {path} must have a list of values; got {some!r:.60}.")
    return found
