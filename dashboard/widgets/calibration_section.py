"""Is the network as often right as it is sure: reliability diagram, temperature, confidence of mistakes, coverage.

In the URL: temperature=on, beside=coverage.
"""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.charts import confidence as confidence_charts
from core.charts.calibration import calibration as reliability_chart
from core.charts.style import percent
from dashboard import evaluate_data
from dashboard.evaluate_data import FITTED_ON, HOW_TO_READ
from dashboard.widgets.case_switch import case_switch
from dashboard.widgets.evaluating import Evaluating, ids_filter, range_filter
from dashboard.widgets.figure import figure

HEIGHT = 400
BESIDE = {"confidence": "Confidence", "coverage": "Coverage"}


def calibration_section(now: Evaluating) -> None:
    """Show the reliability diagram, and beside it how sure the mistakes are or what silence would gain."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        temperature = _temperature_toggle(now)
        st.space("stretch")
        beside = case_switch("beside", BESIDE, "Beside it")
    left, right = st.columns(2, gap="medium")
    with left:
        table = (
            now.stacked("calibration", temperature) if now.is_single else now.stacked("calibration")
        )
        figure(
            reliability_chart(table, now.colours),
            "calibration",
            alt=f"Accuracy by confidence on the {now.split} split.",
            how_to_read=HOW_TO_READ["calibration"],
            table=table,
            height=HEIGHT,
            on_pick=lambda picked: _open_bin(now, picked, temperature),
        )
    with right:
        if beside == "coverage":
            _coverage(now)
        else:
            _confidence(now)


def _temperature_toggle(now: Evaluating) -> float | None:
    """Offer the temperature of a single run and say what it does; return it where it is on."""
    if not now.is_single:
        st.caption("One line a run. Choose one run to mend its confidence by a temperature.")
        return None
    found = evaluate_data.temperature(now.one)
    if found is None or found != found:
        st.caption("There are no outputs on validation to find a temperature on.")
        return None
    key = "temperature-toggle"
    st.session_state[key] = st.query_params.get("temperature") == "on"
    is_on = st.toggle(
        "With temperature",
        key=key,
        on_change=lambda: _put(bool(st.session_state[key])),
        help="Divides all logits by one number, found where the cross entropy on validation is least: no answer changes, only "
        "how sure it is. Where validation is small, it may suit no other images and make the error larger. Guo et al. 2017.",
    )
    before, after = (
        float(now.one.table("calibration_error", one)["calibration_error"].iloc[0])
        for one in (None, found)
    )
    where = (
        "fitted on these very images, so its gain is flattered"
        if now.split == FITTED_ON
        else f"fitted on validation, shown on {now.split}"
    )
    # Short, to stand in a line with the button.
    worse = ", **worse here**" if after > before else ""
    st.caption(f"Temperature **{found:.2f}**, {where}: error {percent(before)} → {percent(after)}{worse}.")  # fmt: skip
    return found if is_on else None


def _confidence(now: Evaluating) -> None:
    table = now.one.table("confidence")
    figure(
        confidence_charts.confidence_histogram(table),
        "confidence",
        alt=f"How sure {now.shown} was of its right and of its wrong answers.",
        how_to_read=HOW_TO_READ["confidence"],
        table=table,
        height=HEIGHT,
        on_pick=lambda picked: now.open(
            right="yes" if picked[2] else "no",
            confidence=range_filter(float(picked[0]), float(picked[1])),
        ),
    )


def _coverage(now: Evaluating) -> None:
    table = now.stacked("coverage")
    figure(
        confidence_charts.coverage(table, now.colours),
        "coverage",
        alt="Accuracy on the surest images by how many they are.",
        how_to_read=HOW_TO_READ["coverage"],
        table=table,
        height=HEIGHT,
        on_pick=lambda picked: now.open(
            str(picked[1]), confidence=f"{float(picked[0])!r}..", right="no"
        ),
    )


def _open_bin(now: Evaluating, picked: Sequence[Any], temperature: float | None) -> None:
    """Open the images of a bin; with a temperature no filter says which they are, so they are named one by one."""
    low, high = float(picked[0]), float(picked[1])
    if temperature is None:
        now.open(str(picked[2]), confidence=range_filter(low, high))
    else:
        now.open(ids=ids_filter(evaluate_data.ids_of_bin(now.one, temperature, low, high)))


def _put(is_on: bool) -> None:
    if is_on:
        st.query_params["temperature"] = "on"
    elif "temperature" in st.query_params:
        del st.query_params["temperature"]
