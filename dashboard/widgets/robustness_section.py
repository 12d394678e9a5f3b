"""Robustness: accuracy of several runs against the strength of a change, and the images that a change costs."""

from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.analysis.kept import kept
from core.analysis.robustness import CORRUPTIONS, Robustness, changed_images
from core.analysis.subject import Subject, subject_of
from core.charts.robustness import robustness as robustness_chart
from core.evaluation.samples import NO_PREDICTION_NAME
from core.exceptions import CoreError
from core.jobs.analysis_tasks import arguments_of
from core.predictions import NO_PREDICTION
from core.runs.run import Run
from dashboard import data
from dashboard.widgets.figure import figure
from dashboard.widgets.kept_result import offered
from dashboard.widgets.markdown import escaped
from dashboard.widgets.picture_cards import Card, Picture, picture_cards
from dashboard.widgets.run_picker import titles_of

SIZES = {"1000": "1,000 images", "4000": "4,000 images", "all": "All images"}
"""How many images are asked for -> words."""
FEWEST = "1000"
ALL = 2**31
MOST_CARDS, SIDE = 24, 64
HOW_TO_READ = """
Each panel changes the images in one way, more to the right; at 0 stand the stored answers on the images as they are. A line
is a run in its variant's colour, its band the **95 % interval** over images (Wilson): it says how sure the accuracy of this very
network is, not how the variant would fare with another seed. All runs see the same changed images, so a difference between two
lines is surer than their bands suggest. A click on a point shows the images that were right and are wrong there.
"""


def robustness_section(runs: list[Run], split: str, key: str) -> list[int] | None:
    """Show accuracy by strength; return the ids of the images that the clicked point costs, or None without one.

    Args:
        runs: at least one, of one data set.
        split: of the images.
        key: of the widget.
    """
    settings = {"split": split, "num_samples": _size(runs, split, key)}
    found, missing = _found(runs, settings)
    if missing:
        offered(
            "robustness",
            {"runs": [arguments_of(one) for one in missing], "settings": settings},
            "Robustness",
            f"Shows {_number_of_runs(len(missing))} the images in 25 changed ways: dense nets take seconds each, convolutions "
            "a minute or more.",
            key,
        )
    if not found:
        return None
    return _shown({run.id: run for run in runs}, found, split, key)


def _size(runs: list[Run], split: str, key: str) -> int:
    """Show the choice of how many images, where there are more than the fewest; return their number, or more for all."""
    most = 0
    for run in runs:
        # Why a run has no answers is said where they are wanted.
        with suppress(CoreError):
            most = max(most, len(data.predictions(run, split)))
    sizes = [one for one in SIZES if one == "all" or int(one) < most]
    if len(sizes) == 1:
        return int(FEWEST)
    size = st.segmented_control(
        "Images",
        sizes,
        format_func=lambda one: SIZES[one],
        required=True,
        default=FEWEST,
        # Another key for another choice: one that is kept from larger data may not be in it.
        key=f"{key}-size-{len(sizes)}",
        persist_state="session",
        label_visibility="collapsed",
    )
    return ALL if size == "all" else int(size)


def _found(
    runs: list[Run], settings: dict[str, Any]
) -> tuple[dict[str, Robustness], list[Subject]]:
    """Return what is kept, by run id, and which runs have still to be tried; say why others cannot."""
    found: dict[str, Robustness] = {}
    missing: list[Subject] = []
    for run in runs:
        try:
            subject = subject_of(run)
            known = kept(subject, "robustness", settings)
            if known is None:
                data.images(run, settings["split"])
                data.predictions(run, settings["split"])
                missing.append(subject)
            else:
                found[run.id] = Robustness.from_kept(known.facts, known.arrays)
        except CoreError as error:
            st.info(f"{escaped(run.title)}: {escaped(error)}", icon=":material/visibility_off:")
    return found, missing


def _shown(
    runs: dict[str, Run], found: dict[str, Robustness], split: str, key: str
) -> list[int] | None:
    titles = titles_of([runs[run_id] for run_id in found])
    parts = [
        one.table().assign(run_id=run_id, label=titles[run_id]) for run_id, one in found.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    for reason in dict.fromkeys(text for one in found.values() for text in one.left_out.values()):
        st.caption(escaped(reason))
    if table.empty:
        return None
    point = _chosen(found, f"{key}-point")
    figure(
        robustness_chart(
            table,
            {name: (one.title, one.axis) for name, one in CORRUPTIONS.items()},
            variants={titles[run_id]: runs[run_id].variant or "" for run_id in found},
            selected=point,
        ),
        f"{key}-lines",
        alt=f"Accuracy of {_number_of_runs(len(found))} on {split} against the strength of changes.",
        how_to_read=HOW_TO_READ,
        table=table,
        on_pick=lambda custom: st.session_state.update(
            {f"{key}-point": [str(custom[0]), str(custom[1]), float(custom[2])]}
        ),
    )
    if point is None or point[2] == 0:
        return None
    run_id, name, strength = point
    return _lost(runs[run_id], found[run_id], split, name, strength, titles[run_id], key)


def _chosen(found: dict[str, Robustness], place: str) -> tuple[str, str, float] | None:
    chosen = st.session_state.get(place)
    if not chosen:
        return None
    run_id, name, strength = chosen
    known = found[run_id].strengths.get(name, ()) if run_id in found else ()
    return (run_id, name, strength) if strength == 0 or strength in known else None


def _lost(
    run: Run, found: Robustness, split: str, name: str, strength: float, title: str, key: str
) -> list[int]:
    """Show images before and after the change, with what the run says of both; return the ids of all of them."""
    ids = found.lost(name, strength)
    st.markdown(
        f"**{escaped(title)}, {CORRUPTIONS[name].title.lower()} {strength:g}**: "
        f"{len(ids):,} images are right as they are and wrong here."
    )
    shown = ids[:MOST_CARDS]
    if len(shown) == 0:
        return []
    try:
        dataset = data.dataset(run.config["dataset"])
        data.images(run, split)
    except CoreError as error:
        st.info(escaped(error), icon=":material/image_not_supported:")
        return ids.tolist()
    stored = dataset.split(split)
    before = np.asarray(stored.images[shown])
    after = changed_images(name, strength, stored, dataset.space, shown.tolist())
    places = np.searchsorted(found.sample_ids, shown)
    answers = found.answers(name, strength)[places].tolist()
    labels = found.labels[places].tolist()
    names = dataset.space.class_names
    cards = []
    for place, (sample, label, answer) in enumerate(
        zip(shown.tolist(), labels, answers, strict=True)
    ):
        said = NO_PREDICTION_NAME if answer == NO_PREDICTION else names[answer]
        pictures = [
            Picture(place, f"image {sample} as it is, {names[label]}", names[label]),
            Picture(len(shown) + place, f"changed, taken for {said}", said, is_changed=True),
        ]
        cards.append(Card(str(sample), f"#{sample}", pictures))
    picture_cards(cards, np.concatenate([before, after]), f"{key}-lost", side=SIDE, caption=90)
    if len(ids) > len(shown):
        st.caption(f"The first {len(shown)} of them.")
    return ids.tolist()


def _number_of_runs(number: int) -> str:
    return "one run" if number == 1 else f"{number} runs"
