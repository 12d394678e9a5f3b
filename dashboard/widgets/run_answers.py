"""What runs answer on one image: a table of their most probable classes, with the mean of all, and their counts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.charts.style import percent
from core.jobs.answers import Answer, answers
from core.runs.run import Run
from dashboard.widgets.markdown import escaped
from dashboard.widgets.run_picker import titles_of

TOP = 3
MOST_CLASSES = 1000


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
    rows, counted = [], []
    for answer in found:
        title = titles[answer.run_id]
        if answer.problem is not None:
            st.warning(f"{escaped(title)}: {escaped(answer.problem)}", icon=":material/error:")
            continue
        rows.append({"run": title} | _named(answer))
        if answer.counts is not None:
            numbers = dict(zip(answer.count_names, answer.counts[0].tolist(), strict=True))
            counted.append({"run": title} | numbers)
    if len(rows) > 1:
        rows.append({"run": f"Mean of {len(rows)}"} | _named(_mean(found)))
    if rows:
        names = ["First", "Second", "Third"]
        st.dataframe(
            pd.DataFrame(rows),
            key=f"{key}-classes",
            hide_index=True,
            column_config={
                "run": st.column_config.TextColumn("Run", width="small"),
                **{f"class {n}": st.column_config.TextColumn(names[n]) for n in range(TOP)},
            },
            alt="The most probable classes of each run.",
        )
    if counted:
        names = list(found[0].count_names) if found else []
        true = [{"run": "True"} | dict(zip(names, truth, strict=True))] if truth else []
        st.dataframe(
            pd.DataFrame([*true, *counted]),
            key=f"{key}-counts",
            hide_index=True,
            column_config={
                "run": st.column_config.TextColumn("Counts", width="small"),
                **{name: st.column_config.NumberColumn(name, format="%.1f") for name in names},
            },
            alt="The counts of each run.",
        )


def _named(answer: Answer) -> dict[str, Any]:
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
