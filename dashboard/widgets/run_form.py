"""The settings of one variant or clone: those that matter most at once, the others folded away by what they are about.

What differs from where it started stands in the URL, as `changes`; the form follows a link that says something else.
"""

import hashlib
from typing import Any

import orjson
import streamlit as st

from core.config import RunConfig, TrainingConfig
from core.differences import setting_words, value_words
from core.exceptions import CoreError
from core.runs.run import config_sha256
from core.settings import Settings
from dashboard import data
from dashboard.widgets.layers import layers
from dashboard.widgets.markdown import escaped
from dashboard.widgets.settings_form import settings_form
from dashboard.widgets.stages_form import stages_form
from dashboard.widgets.train_link import CHANGES, json_text, said, say_json

FIRST = ("optimizer", "learning_rate", "weight_decay", "batch_size", "max_epochs", "patience")
"""What is changed most often: shown at once."""

GROUPS: dict[str, tuple[str, ...]] = {
    "Course of the learning rate": ("schedule", "warmup_share", "step_epochs", "step_factor"),
    "Steps": ("momentum", "is_nesterov", "gradient_clip", "ema_decay", "precision"),
    "Loss": ("label_smoothing", "class_weights", "class_loss_weight", "count_loss_weight"),
    "Best epoch and early stopping": ("early_stopping_metric", "min_gain"),
    "Input and test": ("is_input_standardised", "test_time_averaging"),
}
"""The other training settings, by what they are about; a new one that nobody put here stands in a group of its own."""

MOST_IN_LABEL = 3


def run_form(base: RunConfig, loaded: data.Loaded, key: str) -> RunConfig:
    """Show the settings of training, network and stages, and return the config as entered.

    Args:
        base: what changes are told from; its data set and augmentation are chosen elsewhere.
        loaded: the data set, for whose images the layers are shown.
        key: of the widget.

    Raises:
        InvalidParameter: a value breaks its rule; the message names the setting.
    """
    start, place = _start(base, key)
    training = settings_form(start.training, f"{place}-training", "training", FIRST)
    with st.expander(f"More settings{_unusual(start.training, FIRST)}", icon=":material/tune:"):
        for title, names in _groups().items():
            st.caption(title)
            training |= settings_form(start.training, f"{place}-training", "training", names)
    with st.expander(f"Network: {escaped(start.model.name)}", icon=":material/network_node:"):
        model = settings_form(start.model, f"{place}-model", "model")
        network = st.container()
    several = f": {len(start.stages)}" if start.stages else ""
    with st.expander(f"Stages{several}", icon=":material/stairs:"):
        stages = stages_form(start, training, f"{place}-stages")
    values = {**base.to_json(), "model": model, "training": training, "stages": stages}
    config = RunConfig.checked(values)
    with network:
        layers(config.model, loaded)
    changed = _changes(base, config)
    # Before the URL, which is where the next input may end this run.
    st.session_state[f"{key}-written"] = json_text(changed) or ""
    say_json(CHANGES, changed)
    return config


def _start(base: RunConfig, key: str) -> tuple[RunConfig, str]:
    """Return what the form starts from, and a key of widgets that is another one for another start.

    What the user enters goes into the URL and must not start the form anew; what came from elsewhere (a link, the
    browser's way back, another variant) must.
    """
    text, origin = said(CHANGES) or "", config_sha256(base.to_json())[:12]
    is_ours = text == st.session_state.get(f"{key}-written")
    if not is_ours or origin != st.session_state.get(f"{key}-origin"):
        st.session_state[f"{key}-adopted"] = text
        st.session_state[f"{key}-written"] = text
        st.session_state[f"{key}-origin"] = origin
    adopted = st.session_state[f"{key}-adopted"]
    place = f"{key}-{hashlib.sha256(f'{origin}{adopted}'.encode()).hexdigest()[:12]}"
    try:
        return base.changed(orjson.loads(adopted) if adopted else {}), place
    except (CoreError, orjson.JSONDecodeError, TypeError, AttributeError) as error:
        why = str(error) if isinstance(error, CoreError) else "They are no JSON object."
        st.warning(
            f"The changes in the link cannot be used: {escaped(why)} All settings are those it starts from.",
            icon=":material/link_off:",
        )
        return base, place


def _changes(base: RunConfig, config: RunConfig) -> dict[str, Any]:
    """Return the settings that differ, by the paths that `RunConfig.changed` takes."""
    before, after = base.to_json(), config.to_json()
    found = {
        f"{group}.{name}": value
        for group in ("model", "training")
        for name, value in after[group].items()
        if value != before[group][name]
    }
    return found | ({"stages": after["stages"]} if after["stages"] != before["stages"] else {})


def _groups() -> dict[str, tuple[str, ...]]:
    known = {*FIRST, *(name for names in GROUPS.values() for name in names)}
    others = tuple(name for name in TrainingConfig.model_fields if name not in known)
    return {**GROUPS, "Other": others} if others else GROUPS


def _unusual(values: Settings, shown: tuple[str, ...]) -> str:
    """Return, for a label, the settings that are folded away and not at their defaults."""
    words = [
        f"{setting_words(name)} {value_words(getattr(values, name))}"
        for name, field in type(values).model_fields.items()
        if name not in shown and getattr(values, name) != field.default
    ]
    if not words:
        return ""
    more = f" and {len(words) - MOST_IN_LABEL} more" if len(words) > MOST_IN_LABEL else ""
    return f": {escaped(', '.join(words[:MOST_IN_LABEL]))}{more}"
