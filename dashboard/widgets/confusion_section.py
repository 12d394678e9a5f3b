"""What is taken for what: the confusion matrix of single classes or of groups of them, and the images of a cell beside it.

In the URL: fold=groups (classes, groups, types, clusters-4), show=share_of_true, diagonal=hidden, of=ID or
of=difference (first run minus second), cell=3-5.
"""

import streamlit as st

from core.charts.confusion_difference import confusion_difference as difference_chart
from core.charts.confusion_matrix import MOST_CLASSES_WITH_TEXT
from core.charts.confusion_matrix import confusion_matrix as matrix_chart
from core.evaluation.confusion_matrix import confusion_difference
from core.evaluation.folding import CLASSES, CLUSTERS, TYPES, Fold, folded, folds
from core.report import section
from dashboard.evaluate_data import HOW_TO_READ
from dashboard.widgets.case_switch import case_switch
from dashboard.widgets.cell import SHARES, Cell, cell_in_url, forget_cell, open_cell
from dashboard.widgets.evaluating import ALL_MISTAKES, OF, Evaluating
from dashboard.widgets.figure import figure
from dashboard.widgets.gallery import gallery
from dashboard.widgets.markdown import escaped
from dashboard.widgets.types_section import claim_sentences, type_pair_figure

FOLD, SHOW, DIAGONAL, HIDDEN, DIFFERENCE = "fold", "show", "diagonal", "hidden", "difference"
HEIGHT, LARGE_HEIGHT = 400, 520
MOST_PAIRS = 10
DIFFERENCE_HELP = (
    "Each cell is the first run's share minus the second run's: blue where the first run does it more often, orange where the "
    "second does. On the diagonal blue is good, beside it orange is."
)


def confusion_section(now: Evaluating) -> None:
    """Show the confusion matrix of the shown run, or the difference of the first two, and the images of a cell."""
    predictions = now.one.predictions
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        fold = _fold_picker(now)
        show = case_switch(SHOW, SHARES, "Cells show")
        is_hidden = _hidden_toggle()
        is_difference = _difference_toggle(now)
        st.space("stretch")
        door = st.container(width="content")
    cell = cell_in_url(predictions, fold)
    # All mistakes of one run have their door above the matrix already.
    if cell.kind or not now.is_single:
        with door:
            words = f"This {cell.kind} in Errors" if cell.kind else ALL_MISTAKES
            now.link(words, **cell.filters(fold))
    is_large = len(fold) > MOST_CLASSES_WITH_TEXT
    if fold.kind == TYPES:
        claim_sentences(now)
    left, right = (
        (st.container(), st.container()) if is_large else st.columns([11, 9], gap="medium")
    )
    with left:
        if is_difference:
            _difference(now, fold, show, cell, is_hidden, LARGE_HEIGHT if is_large else HEIGHT)
        else:
            _matrix(now, fold, show, cell, is_hidden, LARGE_HEIGHT if is_large else HEIGHT)
    with right:
        rows = cell.samples(predictions, fold)
        title = cell.title(predictions, fold)
        gallery(rows, predictions, now.one.run, now.split, title, cell.nothing, "gallery")
    st.header("Top confused pairs", anchor=False)
    left, right = st.columns([11, 9], gap="medium")
    with left:
        _pairs(now, fold)
    with right:
        if fold.kind == TYPES:
            type_pair_figure(now)


def _matrix(
    now: Evaluating, fold: Fold, show: str, cell: Cell, is_hidden: bool, height: int
) -> None:
    table = now.one.table("folded", fold.text)
    figure(
        matrix_chart(table, show, cell.both, is_hidden).update_layout(margin={"t": 8}),
        "confusion",
        alt=f"Confusion matrix of {now.shown} on the {now.split} split, {fold.title}.",
        how_to_read=HOW_TO_READ["confusion_matrix"],
        table=table,
        height=height,
        on_pick=lambda picked: open_cell(int(picked[0]), int(picked[1])),
    )


def _difference(
    now: Evaluating, fold: Fold, show: str, cell: Cell, is_hidden: bool, height: int
) -> None:
    first, second = list(now.answers.items())[:2]
    # Groups found in the confusions are those of the first run: else the cells would not be the same.
    tables = [one[1].table("folded", fold.text) for one in (first, second)]
    if fold.kind == CLUSTERS:
        tables[1] = folded(second[1].predictions, fold)
    table = confusion_difference(tables[0], tables[1], show)
    st.caption(f"**{escaped(first[0])}** minus **{escaped(second[0])}**")
    figure(
        difference_chart(table, show, cell.both, is_hidden).update_layout(margin={"t": 8}),
        "difference",
        alt=f"Difference of the confusion matrices of {first[0]} and {second[0]} on {now.split}.",
        how_to_read=DIFFERENCE_HELP,
        table=table,
        height=height,
        on_pick=lambda picked: open_cell(int(picked[0]), int(picked[1])),
    )


def _pairs(now: Evaluating, fold: Fold) -> None:
    table = now.one.table("confused_pairs", fold.text, MOST_PAIRS)
    figure(
        section("confused_pairs").chart(table),
        "confused-pairs",
        alt=f"The pairs that {now.shown} confuses most often.",
        how_to_read=HOW_TO_READ["confused_pairs"],
        table=table,
        on_pick=lambda picked: now.open(**Cell(int(picked[0]), int(picked[1])).filters(fold)),
    )


def _fold_picker(now: Evaluating) -> Fold:
    declared = folds(now.one.predictions.space)
    words = {kind: one.title for kind, one in declared.items()}
    size = len(declared[CLASSES])
    asked = st.query_params.get(FOLD, CLASSES)
    fold = now.one.fold(asked)
    if len(declared) == 1 and size > 3:
        words |= {CLUSTERS: "Groups found"}
    if len(words) == 1:
        return fold
    key = "fold-picker"
    st.session_state[key] = fold.kind
    st.segmented_control(
        "Fold",
        list(words),
        format_func=lambda kind: words[kind],
        required=True,
        key=key,
        on_change=lambda: _put_fold(st.session_state[key], size),
        label_visibility="collapsed",
    )
    if fold.kind == CLUSTERS:
        number = "fold-number"
        st.session_state[number] = len(fold)
        st.number_input(
            "Groups",
            2,
            size - 1,
            key=number,
            on_change=lambda: _put_fold(CLUSTERS, st.session_state[number], is_number=True),
            label_visibility="collapsed",
            help="Classes that are taken for each other most often are joined until so many groups are left.",
            width=120,
        )
    return fold


def _put_fold(kind: str, size: int, *, is_number: bool = False) -> None:
    forget_cell()
    number = size if is_number else max(2, min(size // 2, 8))
    st.query_params[FOLD] = f"{CLUSTERS}-{number}" if kind == CLUSTERS else kind


def _hidden_toggle() -> bool:
    key = "diagonal-toggle"
    st.session_state[key] = st.query_params.get(DIAGONAL) == HIDDEN

    def put() -> None:
        if st.session_state[key]:
            st.query_params[DIAGONAL] = HIDDEN
        elif DIAGONAL in st.query_params:
            del st.query_params[DIAGONAL]

    st.toggle(
        "Hide diagonal",
        key=key,
        on_change=put,
        help="Leaves out the right answers, so that the colours tell the mistakes apart.",
    )
    return bool(st.session_state[key])


def _difference_toggle(now: Evaluating) -> bool:
    if now.is_single:
        return False
    key = "difference-toggle"
    st.session_state[key] = st.query_params.get(OF) == DIFFERENCE

    def put() -> None:
        if st.session_state[key]:
            st.query_params[OF] = DIFFERENCE
        else:
            del st.query_params[OF]

    st.toggle(
        "Difference",
        key=key,
        on_change=put,
        help="The difference of the first two runs, cell by cell.",
    )
    return bool(st.session_state[key])
