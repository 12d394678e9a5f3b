"""The editor: the steps of a pipeline in their order, the settings of one, seed and epoch. No step needs a mouse.

Each change goes into the URL, from which the page is made again (`pipeline_in_url`).
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.augmentations import AUGMENTATIONS
from core.augmentations.base import Augmentation
from core.augmentations.expansion import FixedExpansion
from core.augmentations.pipeline import (
    MOST_STEPS,
    UNKNOWN_CLASSES,
    AugmentationPipeline,
    Refusal,
)
from dashboard import data
from dashboard.widgets.dataset_picker import SEED_KEY
from dashboard.widgets.live_form import live_form
from dashboard.widgets.markdown import escaped
from dashboard.widgets.pipeline_in_url import (
    EPOCH_KEY,
    LARGEST_EPOCH,
    LARGEST_SEED,
    put_pipeline,
    put_step,
    step_in_url,
)

FIRST_PROBABILITY = 1.0
"""Of a step that is added here: what is added should be seen."""
COPIES = -1
"""Position of the fixed copies, which come before the steps."""


def pipeline_editor(
    pipeline: AugmentationPipeline,
    refusals: list[Refusal],
    loaded: data.Loaded,
    seed: int,
    epoch: int,
) -> None:
    """Show the steps, the choice of one more, the settings of the chosen one, seed and epoch."""
    position = step_in_url(pipeline)
    _steps(pipeline, refusals, position)
    _add(pipeline, loaded)
    with st.container(border=True, gap="small"):
        if position == COPIES:
            _copies_form(pipeline)
        else:
            _step_form(pipeline, position)
    _randomness(seed, epoch)
    _notes(pipeline.notes(loaded.dataset.space))


def words_of(name: str) -> str:
    """Return the name of a step as the screen says it: "Random erasing"."""
    return name.replace("-", " ").capitalize()


def _steps(pipeline: AugmentationPipeline, refusals: list[Refusal], position: int) -> None:
    refused = {COPIES if refusal.step is None else refusal.step for refusal in refusals}

    def shown(place: int) -> str:
        mark = " :material/block:" if place in refused else ""
        if place == COPIES:
            expansion = pipeline.expansion
            copies = "none" if expansion is None else f"{expansion.num_copies}, k = {expansion.k}"
            return f"Fixed copies: {copies}{mark}"
        # A pipeline with fewer steps may have come before the browser asks for the old choice.
        if place >= len(pipeline.steps):
            return ""
        step = pipeline.steps[place]
        share = f"{100 * step.probability:g} %" if step.probability else "off"
        forced = " :material/gpp_maybe:" if step.is_forced else ""
        return f"{place + 1}. {words_of(step.name)}, {share}{forced}{mark}"

    st.session_state["steps"] = position
    st.radio(
        "Steps, in the order in which they are applied",
        range(COPIES, len(pipeline.steps)),
        format_func=shown,
        key="steps",
        on_change=lambda: put_step(st.session_state["steps"]),
        label_visibility="collapsed",
    )


def _add(pipeline: AugmentationPipeline, loaded: data.Loaded) -> None:
    if len(pipeline.steps) >= MOST_STEPS:
        st.caption(f"A pipeline has at most {MOST_STEPS} steps.")
        return
    shape, space = loaded.dataset.image_shape, loaded.dataset.space
    key = f"add-{len(pipeline.steps)}"

    def shown(name: str) -> str:
        kind = AUGMENTATIONS[name]
        alone = AugmentationPipeline(steps=(kind.checked({"name": name, "probability": 1}),))
        mark = " (refused here)" if alone.refusals(shape, space) else ""
        what = (kind.__doc__ or "").partition(".")[0]
        return f"{words_of(name)}{mark}: {what[:1].lower()}{what[1:]}"

    def add() -> None:
        name = st.session_state[key]
        if name is not None:
            step = AUGMENTATIONS[name].checked({"name": name, "probability": FIRST_PROBABILITY})
            _put(pipeline, [*pipeline.steps, step], len(pipeline.steps))

    st.selectbox(
        "Add a step",
        list(AUGMENTATIONS),
        None,
        format_func=shown,
        key=key,
        on_change=add,
        placeholder="Add a step",
        label_visibility="collapsed",
    )


def _step_form(pipeline: AugmentationPipeline, position: int) -> None:
    step = pipeline.steps[position]
    st.markdown(f"**{words_of(step.name)}**", help=step.__doc__)
    with st.container(horizontal=True, gap="small"):
        _move("Up", ":material/arrow_upward:", pipeline, position, position - 1)
        _move("Down", ":material/arrow_downward:", pipeline, position, position + 1)
        others = [one for place, one in enumerate(pipeline.steps) if place != position]
        st.button(
            "Remove",
            icon=":material/delete:",
            key="remove-step",
            type="tertiary",
            on_click=_put,
            args=(pipeline, others, max(position - 1, min(0, len(others) - 1))),
        )

    def change(entered: dict[str, Any]) -> None:
        steps = list(pipeline.steps)
        steps[position] = type(step).checked(entered)
        _put(pipeline, steps, position)

    live_form(step, f"step-{position}-{step.name}", change, _hidden(step))


def _move(
    label: str, icon: str, pipeline: AugmentationPipeline, position: int, target: int
) -> None:
    is_possible = 0 <= target < len(pipeline.steps)
    steps = list(pipeline.steps)
    if is_possible:
        steps[position], steps[target] = steps[target], steps[position]
    st.button(
        label,
        icon=icon,
        key=f"move-{label}",
        type="tertiary",
        disabled=not is_possible,
        on_click=_put,
        args=(pipeline, steps, target),
    )


def _copies_form(pipeline: AugmentationPipeline) -> None:
    expansion = pipeline.expansion
    st.markdown("**Fixed copies**", help=FixedExpansion.__doc__)
    st.session_state["has-copies"] = expansion is not None

    def switch() -> None:
        chosen = FixedExpansion() if st.session_state["has-copies"] else None
        put_pipeline(pipeline.model_copy(update={"expansion": chosen}), COPIES)

    st.toggle(
        "Show every training image as several copies",
        key="has-copies",
        on_change=switch,
        help="Nothing is drawn: an epoch visits every copy, and takes as many times as long.",
    )
    if expansion is None:
        return

    def change(entered: dict[str, Any]) -> None:
        changed = FixedExpansion.checked(entered)
        put_pipeline(pipeline.model_copy(update={"expansion": changed}), COPIES)

    live_form(expansion, "copies", change, _hidden(expansion))


def _hidden(settings: Augmentation | FixedExpansion) -> tuple[str, ...]:
    # Forcing is offered beside the reason for it; here it can be taken back.
    return ("name",) if settings.is_forced else ("name", "is_forced")


def _put(pipeline: AugmentationPipeline, steps: list[Augmentation], position: int) -> None:
    put_pipeline(pipeline.model_copy(update={"steps": tuple(steps)}), position)


def _randomness(seed: int, epoch: int) -> None:
    st.session_state["seed-input"] = seed
    st.session_state["epoch-input"] = epoch
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        st.number_input(
            "Seed",
            0,
            LARGEST_SEED,
            step=1,
            key="seed-input",
            on_change=_to_url(SEED_KEY, "seed-input"),
            width=84,
            help="Equal seeds give equal pictures, here and in a training run with that seed.",
        )
        st.number_input(
            "Epoch",
            1,
            LARGEST_EPOCH,
            step=1,
            key="epoch-input",
            on_change=_to_url(EPOCH_KEY, "epoch-input"),
            width=84,
            help="Each epoch draws anew: what a run with this seed sees in its epochs.",
        )
        st.button(
            "Reseed",
            icon=":material/casino:",
            key="reseed",
            on_click=_reseed,
            args=(seed,),
            help="Draws anew with the next seed. The seed before replays what was there.",
        )


def _notes(notes: list[str]) -> None:
    """Show what the steps do to labels; what may make them untrue is never folded away."""
    doubtful = [note for note in notes if note == UNKNOWN_CLASSES or " is forced although " in note]
    for note in doubtful:
        st.caption(f":material/gpp_maybe: {escaped(_sentence(note))}")
    others = [note for note in notes if note not in doubtful]
    if others:
        with st.expander(f"What happens to labels ({len(others)})"):
            st.markdown("\n".join(f"- {escaped(_sentence(note))}" for note in others))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _to_url(name: str, key: str) -> Callable[[], None]:
    def put() -> None:
        st.query_params[name] = str(st.session_state[key])

    return put


def _reseed(seed: int) -> None:
    st.query_params[SEED_KEY] = str((seed + 1) % LARGEST_SEED)


def force(pipeline: AugmentationPipeline, refusal: Refusal) -> None:
    """Put the pipeline into the URL with what is refused applied all the same."""
    _replace(pipeline, refusal, is_forced=True)


def turn_off(pipeline: AugmentationPipeline, refusal: Refusal) -> None:
    """Put the pipeline into the URL without what is refused: a step is kept with probability 0."""
    _replace(pipeline, refusal, probability=0.0)


def _replace(pipeline: AugmentationPipeline, refusal: Refusal, **changed: Any) -> None:
    if refusal.step is not None:
        steps = list(pipeline.steps)
        steps[refusal.step] = steps[refusal.step].model_copy(update=changed)
        _put(pipeline, steps, refusal.step)
        return
    expansion = pipeline.expansion
    if expansion is not None:
        kept = expansion.model_copy(update=changed) if "is_forced" in changed else None
        put_pipeline(pipeline.model_copy(update={"expansion": kept}), COPIES)
