"""Augmented views of one image: its label travels along, and beside each view stands what runs say of it.

The networks live in a process of their own (`core.jobs.answers`); the page only asks.
"""

import numpy as np
import pandas as pd
import streamlit as st

from core.augmentations.pipeline import AugmentationPipeline
from core.augmentations.preview import Preview, preview
from core.charts.style import percent
from core.jobs.answers import Answer, answers
from core.labels import LabelSpace
from core.pipelines import pipeline_named, pipeline_names
from core.runs.run import Run
from dashboard import data, errors_data
from dashboard.widgets.before_after_section import NOTHING_DRAWN, label_text
from dashboard.widgets.case_choice import Look
from dashboard.widgets.markdown import escaped
from dashboard.widgets.picture_cards import Card, Picture, picture_cards
from dashboard.widgets.pipeline_in_url import first_choice, without
from dashboard.widgets.table import shown_table

NUM_VIEWS = 3
MOST_RUNS = 4
OWN = "as trained"
SIDE, CAPTION = 84, 96
_SEED = "case-augmented-seed"


def case_augmented(look: Look, sample_id: int) -> None:
    """Show a few views of an image with the answers of the chosen runs; alone, a run stands beside other variants.

    Args:
        look: what is looked at.
        sample_id: of the image.
    """
    loaded = data.loaded(look.lead.config["dataset"])
    data.images(look.lead, look.split)  # says so where they are not those of the run
    seed = int(st.session_state.get(_SEED, 0))
    with st.container(horizontal=True, vertical_alignment="center"):
        name, pipeline = _pipeline(look.lead, loaded)
        st.button("Others", icon=":material/casino:", key="case-augmented-others", on_click=_draw)
    refusals = pipeline.refusals(loaded.dataset.image_shape, loaded.dataset.space)
    if refusals:
        st.caption(
            f"Left out of {escaped(name)}, because this data's labels would not survive it: "
            f"{len(refusals)} step{'s' * (len(refusals) > 1)}."
        )
    applied = without(pipeline, refusals)
    shown = _views(loaded, look.split, sample_id, applied, seed)
    asked = _asked(look)
    images = np.concatenate([shown.before[:1], shown.after])
    with st.spinner("Asking the runs; the first question takes some seconds ..."):
        found = answers(asked, images, 1)
    for answer, run in zip(found, asked, strict=True):
        if answer.problem is not None:
            st.caption(f"{escaped(run.title)}: {escaped(answer.problem)}")
    picture_cards(_cards(shown, look.space), images, "case-augmented", side=SIDE, caption=CAPTION)
    table = _table(shown, found, asked, look)
    shown_table(
        table,
        "case-augmented-answers",
        row_height=30,
        numbers=lambda: _numbers(shown, found, asked, look),
        column_config={"Run": st.column_config.TextColumn("Run", width=125)},
        alt="What each run says of the image as it is and of its augmented views.",
    )


def _draw() -> None:
    st.session_state[_SEED] = int(st.session_state.get(_SEED, 0)) + 1


def _pipeline(run: Run, loaded: data.Loaded) -> tuple[str, AugmentationPipeline]:
    """Show the choice of a pipeline, first the one that the run was trained with, and return it."""
    own = AugmentationPipeline.checked(run.config.get("augmentation") or {})
    root = data.store().root
    names = list(pipeline_names(root))
    if own.steps or own.expansion is not None:
        names.insert(0, OWN)
    first = OWN if OWN in names else first_choice(loaded)
    name = st.selectbox(
        "Augmentation",
        names,
        names.index(first),
        key="case-augmented-pipeline",
        label_visibility="collapsed",
        width=230,
    )
    return name, own if name == OWN else pipeline_named(name, root)


def _views(
    loaded: data.Loaded, split: str, sample_id: int, pipeline: AugmentationPipeline, seed: int
) -> Preview:
    """Return a few views of one image, each drawn on its own."""
    whole = loaded.dataset.split(split)
    rows = np.full(NUM_VIEWS, sample_id)
    copies = pipeline.num_copies
    return preview(
        pipeline,
        whole.images[rows],
        whole.labels[rows],
        None if whole.counts is None else whole.counts[rows],
        loaded.dataset.space,
        seed,
        1,
        np.arange(NUM_VIEWS) * copies + np.arange(NUM_VIEWS) % copies,
    )


def _asked(look: Look) -> list[Run]:
    """Return the runs to ask: those chosen, filled up with the newest one of each other variant."""
    chosen = list(look.runs[:MOST_RUNS])
    seen = {run.variant for run in chosen}
    if len(look.runs) == 1:
        for run in errors_data.peers(look.lead):
            if run.variant not in seen and len(chosen) < MOST_RUNS:
                seen.add(run.variant)
                chosen.append(run)
    return chosen


def _cards(shown: Preview, space: LabelSpace) -> list[Card]:
    as_it_is = label_text(shown, 0, space, "before")
    cards = [Card("as-it-is", "as it is", (Picture(0, f"as it is: {as_it_is}", as_it_is),))]
    for place in range(len(shown.rows)):
        words = shown.texts(place) or [NOTHING_DRAWN]
        after = label_text(shown, place, space, "after")
        picture = Picture(
            place + 1, f"after {', '.join(words)}: {after}", after, bool(shown.is_changed[place])
        )
        cards.append(Card(f"view-{place}", f"view {place + 1}", (picture,), words))
    return cards


def _numbers(shown: Preview, found: list[Answer], asked: list[Run], look: Look) -> pd.DataFrame:
    """Return what is saved: run, view (0 is the image as it is), true_class, predicted_class, probability, is_right."""
    names = look.space.class_names
    rows = [
        {
            "run": look.titles.get(run.id, run.title),
            "view": view,
            "true_class": names[label],
            "predicted_class": names[said] if said >= 0 else None,
            "probability": share,
            "is_right": said == label,
        }
        for answer, run in zip(found, asked, strict=True)
        if answer.labels is not None and answer.probabilities is not None
        for view, (label, said, share) in enumerate(
            zip(
                [int(shown.labels[0]), *shown.new_labels.tolist()],
                answer.labels[:, 0].tolist(),
                answer.probabilities[:, 0].tolist(),
                strict=True,
            )
        )
    ]
    return pd.DataFrame(rows)


def _table(shown: Preview, found: list[Answer], asked: list[Run], look: Look) -> pd.DataFrame:
    """Return a row for each run that answered: its first answer to each view, judged by the label that the view has."""
    labels = [int(shown.labels[0]), *shown.new_labels.tolist()]
    columns = ["As it is", *(f"View {place + 1}" for place in range(len(shown.rows)))]
    rows = []
    for answer, run in zip(found, asked, strict=True):
        if answer.labels is None or answer.probabilities is None:
            continue
        row = {"Run": look.titles.get(run.id, run.title)}
        for at, (column, label) in enumerate(zip(columns, labels, strict=True)):
            said = int(answer.labels[at, 0])
            if said < 0:
                row[column] = "✕ not finite"
                continue
            mark = "✓" if said == label else "✕"
            share = percent(float(answer.probabilities[at, 0]))
            row[column] = f"{mark} {look.space.class_names[said]}, {share}"
        rows.append(row)
    return pd.DataFrame(rows, columns=["Run", *columns])
