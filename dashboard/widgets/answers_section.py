"""Answers: what the finished runs of this data set answer on a few images, as they are and augmented.

The networks live in a process of their own (`core.jobs.answers`); the page only asks.
"""

import numpy as np
import streamlit as st

from core.augmentations.preview import Preview
from core.charts.style import percent
from core.jobs.answers import Answer, answers
from core.labels import LabelSpace
from core.runs.run import Run
from dashboard import data
from dashboard.widgets.augmented import Augmented
from dashboard.widgets.before_after_section import augmented_header, pair_cards
from dashboard.widgets.markdown import escaped
from dashboard.widgets.picture_cards import Card, Line, picture_cards
from dashboard.widgets.run_picker import titles_of

MOST_IMAGES, MOST_RUNS, FIRST_RUNS, TOP = 8, 8, 3, 3
SIDE, CAPTION_WIDTH = 96, 100


def answers_section(look: Augmented) -> None:
    """Show which runs to ask, how they fare, and for each image the table of their answers."""
    runs = {run.id: run for run in _finished(look)}
    if not runs:
        st.info(
            "No run of this data set, with these settings, has finished. Its answers would stand here.",
            icon=":material/hourglass_empty:",
        )
        st.page_link("views/train.py", label="Train a run", icon=":material/model_training:")
        return
    # Of this data set are all of them.
    titles = {
        run_id: title.removesuffix(f" ({runs[run_id].dataset})")
        for run_id, title in titles_of(list(runs.values())).items()
    }
    chosen = st.multiselect(
        "Runs to ask",
        list(runs),
        list(runs)[:FIRST_RUNS],
        format_func=lambda run_id: titles.get(run_id, run_id),
        max_selections=MOST_RUNS,
        key="asked",
        bind="query-params",
        placeholder="Choose runs to ask",
        label_visibility="collapsed",
    )
    asked = [runs[run_id] for run_id in chosen]
    shown = look.preview_of(look.preview().rows[:MOST_IMAGES])
    num_images = len(shown.rows)
    images = np.concatenate([shown.before, shown.after])
    with st.spinner("Asking the runs; the first question takes some seconds ..."):
        found = answers(asked, images, TOP)
    is_inverted = augmented_header(look)
    for answer in found:
        title = escaped(titles[answer.run_id])
        if answer.problem is not None:
            st.warning(f"{title}: {escaped(answer.problem)}", icon=":material/error:")
        elif answer.labels is not None:
            st.caption(f"**{title}**: {_summary(answer, shown)}")
    if len(look.sample_ids) > num_images:
        st.caption(f"The first {num_images} of them are asked about.")
    cards = [
        Card(
            card.id,
            card.title,
            card.pictures,
            card.lines,
            ("Run", "As it is", "Augmented"),
            _rows(found, titles, shown, place, look.space),
        )
        for place, card in enumerate(pair_cards(shown, look.space))
    ]
    picture_cards(
        cards,
        images,
        "answers",
        side=SIDE,
        is_inverted=is_inverted,
        is_in_rows=True,
        caption=CAPTION_WIDTH,
    )


def _finished(look: Augmented) -> list[Run]:
    return [
        run
        for run in data.store().runs()
        if run.damaged is None
        and run.state.state == "finished"
        and run.spec.get("data_fingerprint") == look.loaded.fingerprint
    ]


def _summary(answer: Answer, shown: Preview) -> str:
    """Say how often a run is right before and after."""
    if answer.labels is None:
        return ""
    num_images = len(shown.rows)
    first = answer.labels[:, 0]
    before, after = first[:num_images] == shown.labels, first[num_images:] == shown.new_labels
    held = int((before & after).sum())
    return (
        f"right on {int(before.sum())} of {num_images} as they are and on {int(after.sum())} augmented; "
        f"on {held} both times."
    )


def _rows(
    found: list[Answer], titles: dict[str, str], shown: Preview, place: int, space: LabelSpace
) -> list[list[list[Line]]]:
    rows = []
    for answer in found:
        if answer.labels is None:
            continue
        cells: list[list[Line]] = [[{"text": titles[answer.run_id], "share": ""}]]
        for at, label in (
            (place, shown.labels[place]),
            (len(shown.rows) + place, shown.new_labels[place]),
        ):
            cells.append(_cell(answer, at, int(label), space))
        rows.append(cells)
    return rows


def _cell(answer: Answer, at: int, label: int, space: LabelSpace) -> list[Line]:
    """Return the most probable classes of an image, the first one judged."""
    lines: list[Line] = []
    if answer.labels is None or answer.probabilities is None:
        return lines
    for rank, (one, share) in enumerate(
        zip(answer.labels[at].tolist(), answer.probabilities[at].tolist(), strict=True)
    ):
        if one < 0:
            return [{"text": "no answer: its outputs are not finite", "share": ""}]
        line = {"text": space.class_names[one], "share": percent(share)}
        if rank == 0:
            line["mark"] = "right" if one == label else "wrong"
        lines.append(line)
    return lines
