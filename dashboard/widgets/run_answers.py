"""What runs answer on one image: a table of their most probable classes, with the mean of all, and their counts."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.charts.style import percent
from core.jobs.answers import Answer, answers
from core.runs.run import Run
from dashboard.widgets.markdown import escaped
from dashboard.widgets.run_picker import titles_of
from dashboard.widgets.table import BROKEN_ROW_HEIGHT, ROW_HEIGHT, shown_table, text_width

TOP = 3
MOST_CLASSES = 1000
MOST_ROWS = 12
WIDTH, MOST_NAME_WIDTH, MOST_WIDTH_BESIDE_COUNTS = 540, 165, 220
"""Pixels: what there is beside the image, and what a name takes of it where answers need the rest, and beside counts."""


def run_answers(
    runs: Sequence[Run], image: NDArray[np.uint8], key: str, truth: Sequence[float] | None = None
) -> None:
    """Show what each run says of an image.

    Args:
        runs: whom to ask.
        image: (C, H, W) uint8 of the shape that they take.
        key: of the widgets.
        truth: T true counts, where they are known; shown above the predicted ones.
    """
    with st.spinner("Asking the runs; the first question takes some seconds ..."):
        # All classes, because the mean of several runs may lead with one that none of them has among its first.
        found = answers(runs, image[None], MOST_CLASSES)
    # Of one data set are all of them.
    titles = {run.id: titles_of(runs)[run.id].removesuffix(f" ({run.dataset})") for run in runs}
    rows: list[dict[str, str]] = []
    counted, answered = [], []
    for answer in found:
        title = titles[answer.run_id]
        if answer.problem is not None:
            st.warning(f"{escaped(title)}: {escaped(answer.problem)}", icon=":material/error:")
            continue
        rows.append({"run": title} | _named(answer))
        answered.append((title, answer))
        if answer.counts is not None:
            numbers = dict(zip(answer.count_names, answer.counts[0].tolist(), strict=True))
            counted.append({"run": title} | numbers)
    if len(rows) > 1:
        answered.append((f"Mean of {len(rows)}", _mean(found)))
        rows.append({"run": answered[-1][0]} | _named(answered[-1][1]))
    # Where names and answers do not fit side by side, all of them are broken into lines.
    is_wide = any(sum(text_width([cell], WIDTH) for cell in row.values()) > WIDTH for row in rows)
    names_of_runs = [row["run"] for row in [*rows, *counted]]
    name_width = text_width(names_of_runs, MOST_NAME_WIDTH if is_wide else WIDTH)
    answer_width = (WIDTH - name_width) // TOP if is_wide else None
    if rows:
        names = ["First", "Second", "Third"]
        shown_table(
            rows,
            f"{key}-classes",
            most_rows=MOST_ROWS,
            row_height=BROKEN_ROW_HEIGHT if is_wide else ROW_HEIGHT,
            numbers=lambda: _numbers(answered),
            column_config={
                "run": st.column_config.TextColumn("Run", width=name_width),
                **{
                    f"class {n}": st.column_config.TextColumn(names[n], width=answer_width)
                    for n in range(TOP)
                },
            },
            alt="The most probable classes of each run.",
        )
    if counted:
        names = list(found[0].count_names) if found else []
        true = [{"run": "True"} | dict(zip(names, truth, strict=True))] if truth else []
        shown_table(
            [*true, *counted],
            f"{key}-counts",
            most_rows=MOST_ROWS,
            column_config={
                "run": st.column_config.TextColumn(
                    "Counts", width=text_width(names_of_runs, MOST_WIDTH_BESIDE_COUNTS)
                ),
                **{name: st.column_config.NumberColumn(name, format="%.1f") for name in names},
            },
            alt="The counts of each run.",
        )


def _numbers(answered: Sequence[tuple[str, Answer]]) -> pd.DataFrame:
    """Return what is saved: run, rank (from 1), class, probability (in [0, 1]); no row without a finite answer."""
    rows = [
        {"run": title, "rank": rank, "class": one.class_names[label], "probability": share}
        for title, one in answered
        if one.labels is not None and one.probabilities is not None
        for rank, (label, share) in enumerate(
            zip(one.labels[0, :TOP].tolist(), one.probabilities[0, :TOP].tolist(), strict=True), 1
        )
        if label >= 0
    ]
    return pd.DataFrame(rows, columns=["run", "rank", "class", "probability"])


def _named(answer: Answer) -> dict[str, str]:
    if answer.labels is None or answer.probabilities is None:
        return {}
    found = {}
    for place, (label, share) in enumerate(
        zip(answer.labels[0, :TOP].tolist(), answer.probabilities[0, :TOP].tolist(), strict=True)
    ):
        words = (
            "no finite answer" if label < 0 else f"{answer.class_names[label]}  {percent(share)}"
        )
        found[f"class {place}"] = words
    return found


def _mean(found: Sequence[Answer]) -> Answer:
    """Return the mean answer of the runs that have one."""
    given = [one for one in found if one.labels is not None and one.probabilities is not None]
    shares = np.zeros(len(given[0].class_names))
    for one in given:
        assert one.labels is not None and one.probabilities is not None
        # A run without a finite answer makes the mean one without.
        shares[one.labels[0]] += one.probabilities[0] / len(given)
    order = np.argsort(-shares, kind="stable")
    has_answer = bool(np.isfinite(shares).all())
    return Answer(
        "mean",
        labels=order[None] if has_answer else np.full((1, len(order)), -1),
        probabilities=shares[order][None],
        class_names=given[0].class_names,
    )
