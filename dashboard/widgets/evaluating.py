"""What the page Evaluate is about: the answers of one run or of several side by side, and the doors to their images.

Apart from the sections because all of them take it. It leaves out what any of them shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.style import distinct_colours
from core.evaluation.case_filters import MOST_IDS
from core.exceptions import CoreError, InvalidInput
from core.runs.run import Run
from dashboard import data, errors_data
from dashboard.evaluate_data import Answers
from dashboard.widgets.case_link import EPOCH, cases_query, open_cases
from dashboard.widgets.markdown import escaped
from dashboard.widgets.run_picker import titles_of
from dashboard.widgets.runs_choice import epoch_choice, runs_choice, split_choice, unknown_runs

OF = "of"
ALL_MISTAKES = "All mistakes in Errors"
MOST_DRAWN = 8
"""Runs whose curves are drawn at once; more are no longer told apart."""


@dataclass(frozen=True)
class Evaluating:
    """What is looked at.

    Attributes:
        answers: label -> what that run says, in the order chosen; at least one.
        split: of the images.
        epoch: where the cursor stands; None for the best weights.
        colours: label -> colour of the run.
        shown: label of the run whose details are shown.
        left_out: why other chosen runs are not shown.
    """

    answers: dict[str, Answers]
    split: str
    epoch: int | None
    colours: dict[str, str]
    shown: str
    left_out: tuple[str, ...] = field(default=())

    @property
    def one(self) -> Answers:
        """The answers of the run whose details are shown."""
        return self.answers[self.shown]

    @property
    def drawn(self) -> dict[str, Answers]:
        """Those that are drawn beside each other."""
        return dict(list(self.answers.items())[:MOST_DRAWN])

    @property
    def is_single(self) -> bool:
        """Whether it is one run."""
        return len(self.answers) == 1

    @property
    def has_counts(self) -> bool:
        """Whether the classes count something, as those of shapes do."""
        return self.one.predictions.space.num_counts > 0

    def stacked(self, name: str, *arguments: object) -> pd.DataFrame:
        """Return a table of the shown run, or those of all drawn ones below each other with a column label."""
        if self.is_single:
            return self.one.table(name, *arguments)
        tables = [
            answers.table(name, *arguments).assign(label=label)
            for label, answers in self.drawn.items()
        ]
        return pd.concat(tables, ignore_index=True)

    def open(self, label: str = "", **filters: str) -> None:
        """Go to the images of a filter in Errors, the run of a label leading; for a widget's callback.

        Args:
            label: of a run; the shown one where it names none.
            filters: see `core.evaluation.case_filters`.
        """
        open_cases(self._runs(label), self.split, epoch=self.epoch, **filters)

    def link(self, words: str, **filters: str) -> None:
        """Show the same as a link."""
        st.page_link(
            "views/errors.py",
            label=words,
            icon=":material/find_in_page:",
            query_params=cases_query(self._runs(""), self.split, epoch=self.epoch, **filters),
        )

    def _runs(self, label: str) -> list[Run]:
        leading = self.answers.get(label, self.one).run
        return [leading, *(one.run for one in self.answers.values() if one.run.id != leading.id)]


def evaluating(found: Sequence[Run], key: str) -> Evaluating:
    """Show the choice of runs, split and epoch, and return what is looked at.

    Args:
        found: runs with outputs, newest first; at least one.
        key: of the widgets.

    Raises:
        CoreError: the outputs of the first run cannot be read.
    """
    runs = runs_choice(found, f"{key}-runs")
    split = split_choice(runs[0], f"{key}-split")
    epoch = epoch_choice(runs[0], split, f"{key}-epoch")
    titles = titles_of(runs)
    answers: dict[str, Answers] = {}
    left_out = []
    for run in runs:
        problem = _problem(runs[0], run, split, epoch)
        if problem is None:
            at = errors_data.nearest_epoch(run, split, epoch)
            answers[titles[run.id]] = Answers(run, split, at)
        elif run is runs[0]:
            raise problem
        else:
            left_out.append(f"{titles[run.id]}: {problem}")
    labels = list(answers)
    asked = st.query_params.get(OF)
    shown = next((label for label in labels if answers[label].run.id == asked), labels[0])
    colours = _colours(answers)
    return Evaluating(answers, split, epoch, colours, shown, tuple(left_out))


def what_is_missing(now: Evaluating, key: str) -> None:
    """Say which runs of the link are unknown, which cannot stand beside the first, and why there are no images."""
    unknown_runs(f"{key}-runs")
    for sentence in now.left_out:
        st.warning(f"Left out: {escaped(sentence)}", icon=":material/link_off:")
    asked = st.query_params.get(EPOCH)
    known = errors_data.epochs(now.one.run, now.split)
    if known and asked is not None and asked != str(now.epoch):
        st.warning(
            f"The link names the epoch {escaped(asked[:20])}; there are outputs of the epochs {known[0]} to {known[-1]}.",
            icon=":material/link_off:",
        )


def shown_picker(now: Evaluating, key: str) -> None:
    """Show the choice of the run whose details are shown, which stands in the URL as `of`; of one run its mistakes."""
    if now.is_single:
        now.link(ALL_MISTAKES, right="no")
        return
    st.session_state[key] = now.shown
    st.selectbox(
        "Details of",
        list(now.answers),
        key=key,
        on_change=lambda: st.query_params.update({OF: now.answers[st.session_state[key]].run.id}),
        label_visibility="collapsed",
        width=280,
        help="Whose details are shown.",
    )


def ids_filter(ids: Sequence[int]) -> str:
    """Return the text of a filter for samples that no other filter describes; the first 600 of more."""
    return ",".join(map(str, ids[:MOST_IDS]))


def range_filter(low: float, high: float) -> str:
    """Return the text of a filter for what lies above `low` up to and with `high`, as bins of confidence are.

    A filter includes its low end and not its high one: both are moved by the smallest step there is.
    """
    first = "" if low <= 0 else repr(float(np.nextafter(low, 2)))
    last = "" if high >= 1 else repr(float(np.nextafter(high, 2)))
    return f"{first}..{last}"


def _problem(first: Run, run: Run, split: str, epoch: int | None) -> CoreError | None:
    """Return why a run cannot stand beside the first one, or cannot be read."""
    try:
        at = errors_data.nearest_epoch(run, split, epoch)
        if not data.splits_with_predictions(run):
            raise InvalidInput("it has no outputs yet.")
        key = (*data.predictions_key(run, split), at)
        space, num_samples, total = _shape(key, Answers(run, split, at))
        if run is not first:
            key = (
                *data.predictions_key(first, split),
                errors_data.nearest_epoch(first, split, epoch),
            )
            first_at = errors_data.nearest_epoch(first, split, epoch)
            expected = _shape(key, Answers(first, split, first_at))
            if space != expected[0]:
                raise InvalidInput(f"it has other classes than {first.title}.")
            if (num_samples, total) != expected[1:]:
                raise InvalidInput(
                    f"it answered {num_samples:,} other images of {split} than {first.title}, which answered "
                    f"{expected[1]:,}."
                )
    except CoreError as error:
        return error
    return None


@st.cache_resource(max_entries=2048, show_spinner=False)
def _shape(key: tuple, _answers: Answers) -> tuple[tuple[str, ...], int, int]:
    """Return what answers must have in common to stand beside each other: classes, number and checksum of the samples."""
    predictions = _answers.predictions
    checksum = hash((predictions.sample_ids.tobytes(), predictions.labels.tobytes()))
    return predictions.space.class_names, len(predictions), checksum


def _colours(answers: dict[str, Answers]) -> dict[str, str]:
    """Return label -> colour: the variant's; further seeds of a variant take others, since they stand beside each other."""
    names: dict[str, str] = {}
    seen: set[str] = set()
    for label, one in answers.items():
        variant = one.run.variant or label
        names[label] = label if variant in seen else variant
        seen.add(variant)
    return distinct_colours(names)
