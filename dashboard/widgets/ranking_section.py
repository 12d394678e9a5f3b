"""One class against the rest: ROC and precision-recall curves, and a threshold to move with its confusion.

In the URL: class=3 (whose threshold is moved; of several runs also whose curves are drawn), threshold=0.35,
curves=micro,3,6 (of one run: what is drawn).
"""

from collections.abc import Callable, Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.charts import precision_recall as precision_recall_chart
from core.charts import roc as roc_chart
from core.charts.style import percent
from core.evaluation.one_vs_rest import threshold_counts
from core.evaluation.roc import AVERAGE_NAMES, MACRO, MICRO
from dashboard.evaluate_data import HOW_TO_READ
from dashboard.widgets.evaluating import MOST_DRAWN, Evaluating
from dashboard.widgets.figure import figure
from dashboard.widgets.markdown import escaped

CLASS, THRESHOLD, CURVES = "class", "threshold", "curves"
MOST_CURVES = 12
WORST = 5
HEIGHT = 400
AVERAGES = {"micro": MICRO, "macro": MACRO}


def roc_section(now: Evaluating) -> None:
    """Show the ROC curves beside the confusion of a threshold."""
    _section(now, "roc", roc_chart.roc, _roc_point)


def precision_recall_section(now: Evaluating) -> None:
    """Show the precision-recall curves beside the confusion of a threshold."""
    _section(now, "precision_recall", precision_recall_chart.precision_recall, _recall_point)


def _section(
    now: Evaluating,
    name: str,
    chart: Callable[..., go.Figure],
    point: Callable[[dict[str, int]], tuple[float, float] | None],
) -> None:
    left, right = st.columns([13, 7], gap="medium")
    with right:
        label, threshold = _threshold_picker(now, name)
        counts = threshold_counts(now.one.predictions, label, threshold)
        _confusion(now, label, threshold, counts)
    with left:
        labels = _labels_picker(now, name, label)
        table = now.stacked(name, tuple(labels))
        place = point(counts)
        class_name = now.one.predictions.space.class_names[label]
        marked = None if place is None else (*place, f"{class_name} from {percent(threshold)} on")
        figure(
            chart(table, now.colours, marked),
            name.replace("_", "-"),
            alt=f"{name.replace('_', '-')} curves on the {now.split} split.",
            how_to_read=HOW_TO_READ[name],
            table=table,
            height=HEIGHT,
            on_pick=lambda picked: _open_point(now, picked),
        )
        if len(now.answers) > MOST_DRAWN:
            st.caption(f"The first {MOST_DRAWN} of {len(now.answers)} runs are drawn.")


def _labels_picker(now: Evaluating, name: str, label: int) -> list[int]:
    """Show which curves are drawn, and return their numbers: of one run any, of several one each."""
    names = now.one.predictions.space.class_names
    averages = AVERAGES if name == "roc" else {"micro": MICRO}
    words = {text: AVERAGE_NAMES[number] for text, number in averages.items()}
    words |= {str(number): one for number, one in enumerate(names)}
    asked = [one for one in st.query_params.get(CURVES, "").split(",") if one in words]
    key = f"{name}-curves"
    if now.is_single:
        shown = asked or [*averages, *_telling(now, name)]
        st.session_state[key] = shown[:MOST_CURVES]
        st.multiselect(
            "Curves",
            list(words),
            format_func=lambda one: words[one],
            key=key,
            max_selections=MOST_CURVES,
            on_change=lambda: _put(CURVES, ",".join(st.session_state[key])),
            label_visibility="collapsed",
        )
        chosen = st.session_state[key] or shown
    else:
        st.session_state[key] = next(iter(asked), "micro")
        st.selectbox(
            "Curve of each run",
            list(words),
            format_func=lambda one: words[one],
            key=key,
            on_change=lambda: _put(CURVES, st.session_state[key]),
            label_visibility="collapsed",
            width=280,
        )
        chosen = [st.session_state[key]]
    return [averages[one] if one in averages else int(one) for one in chosen]


def _telling(now: Evaluating, name: str) -> list[str]:
    """Return all classes of a few, of many those with the smallest areas."""
    table = now.one.table("per_class")
    if len(table) <= MOST_CURVES - len(AVERAGES):
        return [str(label) for label in table["class"]]
    worst = table.dropna(subset=["auc"]).nsmallest(WORST, "auc")
    return [str(label) for label in worst["class"]]


def _threshold_picker(now: Evaluating, key: str) -> tuple[int, float]:
    names = now.one.predictions.space.class_names
    asked = st.query_params.get(CLASS, "")
    is_known = asked.isascii() and asked.isdigit() and len(asked) < 6 and int(asked) < len(names)
    if asked and not is_known:
        st.warning(
            f"The link names the class {escaped(asked[:20])}, which these {len(names)} classes do not have.",
            icon=":material/link_off:",
        )
    class_key, slider_key = f"{key}-class", f"{key}-threshold"
    st.session_state[class_key] = int(asked) if is_known else 0
    st.selectbox(
        "Class against the rest",
        range(len(names)),
        format_func=lambda number: names[number],
        key=class_key,
        on_change=lambda: _put(CLASS, str(st.session_state[class_key])),
    )
    try:
        threshold = min(max(float(st.query_params.get(THRESHOLD, "0.5")), 0.0), 1.0)
    except ValueError:
        threshold = 0.5
    st.session_state[slider_key] = threshold if threshold == threshold else 0.5
    st.slider(
        "Taken for the class from this probability on",
        0.0,
        1.0,
        step=0.01,
        key=slider_key,
        on_change=lambda: _put(THRESHOLD, f"{st.session_state[slider_key]:g}"),
    )
    return int(st.session_state[class_key]), float(st.session_state[slider_key])


def _confusion(now: Evaluating, label: int, threshold: float, counts: dict[str, int]) -> None:
    """Show the four cells of a threshold; each is a door."""
    name = escaped(now.one.predictions.space.class_names[label])
    others = ",".join(
        str(one) for one in range(now.one.predictions.space.num_classes) if one != label
    )
    taken, left = f"{label}:{threshold:g}..", f"{label}:..{threshold:g}"
    cells = {
        "true_positive": (f"{name}, taken for it", str(label), taken),
        "false_negative": (f"{name}, missed", str(label), left),
        "false_positive": (f"others, taken for {name}", others, taken),
        "true_negative": ("others, left out", others, left),
    }
    columns = st.columns(2, gap="small")
    for place, (kind, (words, true, probability)) in enumerate(cells.items()):
        columns[place % 2].button(
            f"**{counts[kind]:,}**  \n{words}",
            key=f"threshold-{kind}",
            width="stretch",
            disabled=not counts[kind] or not true,
            help="Click to see these images in Errors.",
            on_click=now.open,
            kwargs={"true": true, "probability": probability},
        )
    found = counts["true_positive"] + counts["false_negative"]
    chosen = counts["true_positive"] + counts["false_positive"]
    recall = f"{percent(counts['true_positive'] / found)}" if found else "undefined"
    precision = f"{percent(counts['true_positive'] / chosen)}" if chosen else "undefined"
    st.caption(f"Recall {recall}, precision {precision} at this threshold.")


def _roc_point(counts: dict[str, int]) -> tuple[float, float] | None:
    found = counts["true_positive"] + counts["false_negative"]
    others = counts["false_positive"] + counts["true_negative"]
    if not found or not others:
        return None
    return counts["false_positive"] / others, counts["true_positive"] / found


def _recall_point(counts: dict[str, int]) -> tuple[float, float] | None:
    found = counts["true_positive"] + counts["false_negative"]
    chosen = counts["true_positive"] + counts["false_positive"]
    if not found or not chosen:
        return None
    return counts["true_positive"] / found, counts["true_positive"] / chosen


def _open_point(now: Evaluating, picked: Sequence[Any]) -> None:
    """Open what is taken for a class from a point's threshold on; of an average all that is."""
    label, threshold = int(picked[0]), picked[1]
    if label < 0 or threshold is None:
        now.open(right="no")
    else:
        now.open(probability=f"{label}:{float(threshold)!r}..")


def _put(name: str, text: str) -> None:
    if text:
        st.query_params[name] = text
    elif name in st.query_params:
        del st.query_params[name]
