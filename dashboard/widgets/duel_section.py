"""Duel: two variants image by image, as four piles with their images, the classes that moved, and luck apart from skill.

The two variants, a pile and a class stand in the URL: a=KEY, b=KEY, pile=only_a, class=3.
"""

from dataclasses import replace

import pandas as pd
import streamlit as st

from core.charts.duel_classes import duel_classes
from core.charts.duel_piles import duel_piles
from core.evaluation.duel import PILES, Duel
from core.run_groups import Group
from dashboard import compare_data, data
from dashboard.widgets.cell import IMAGE_KEY, PAGE_KEY
from dashboard.widgets.comparing import QUICK, Comparing
from dashboard.widgets.duel_tiles import duel_tiles
from dashboard.widgets.figure import figure
from dashboard.widgets.gallery import gallery_header, open_image, page_of, sheet, show_tiles
from dashboard.widgets.markdown import escaped

A, B, PILE, CLASS = "a", "b", "pile", "class"
HOW_TO_READ = """
Every image of the split lies on one of four piles: right in both variants, in one of them alone, or in none; with several
seeds the majority of a variant's seeds decides. The two piles in between are what the variants differ in. Some of these
images another seed would have decided the other way: the sentences hold the number that all seeds of one variant get and
none of the other against what seeds of **one and the same** variant would show by chance. Click a bar to see its images.
"""
HOW_TO_READ_CLASSES = """
For each true class, how many of its images only one of the two variants gets right: to the right the first, to the left the
second. A class that points to one side is where that variant is better. Click a bar to see its images.
"""


def open_duel(now: Comparing, a: str, b: str) -> None:
    """Put two variants into the URL, by their labels."""
    first, second = now.group(a), now.group(b)
    if first and second:
        open_pile(None)
        st.query_params.update({A: first.key, B: second.key})


def open_pile(pile: str | None, label: int | None = None) -> None:
    """Put a pile, and a class of it, into the URL, from the first image on."""
    st.session_state[PAGE_KEY] = 1
    for name in (IMAGE_KEY, PILE, CLASS):
        if name in st.query_params:
            del st.query_params[name]
    if pile is not None:
        st.query_params[PILE] = pile
    if label is not None:
        st.query_params[CLASS] = str(label)


def duel_section(now: Comparing) -> None:
    """Show who fights, the piles and classes, and the images of a pile."""
    if len(now.groups) < 2:
        st.info("A duel needs two variants. Choose or train another one.", icon=":material/group:")
        return
    bar = st.container(horizontal=True, vertical_alignment="center")
    with bar:
        a, b = _fighters(now)
        seed = _seed_picker(a, b)
    found = compare_data.duel(a, b, now.split, seed)
    left, right = st.columns([11, 9], gap="medium")
    with left:
        piles = duel_piles(found.piles, found.a, found.b, colours=now.colours)
        figure(
            piles.update_layout(margin={"t": 8, "r": 70}).update_yaxes(title_text=None),
            "compare-piles",
            alt=f"How many images {found.a} and {found.b} get right.",
            how_to_read=HOW_TO_READ,
            table=found.piles,
            height=200,
            on_pick=lambda picked: open_pile(str(picked[0])),
        )
        for sentence in found.sentences:
            st.markdown(escaped(sentence))
        figure(
            duel_classes(found.classes, found.a, found.b, colours=now.colours),
            "compare-classes",
            alt="Images of each class that only one variant gets right.",
            how_to_read=HOW_TO_READ_CLASSES,
            table=found.classes,
            on_pick=lambda picked: open_pile(str(picked[1]), int(picked[0])),
        )
    with right:
        _pile(now, found, a, b, seed)


def _fighters(now: Comparing) -> tuple[Group, Group]:
    """Show the choice of the two; at first the best and the baseline, or the two best."""
    by_key = {group.key: group for group in now.groups}
    # Right or wrong is what a duel is about: no other metric is waited for.
    order = [group.key for group in replace(now, metric=QUICK).lineup().groups]
    order += [one for one in by_key if one not in order]
    base = now.baseline.key if now.baseline else None
    first = next(one for one in order if one != base)
    asked = st.query_params.get(A), st.query_params.get(B)
    a = asked[0] if asked[0] in by_key else first
    b = asked[1] if asked[1] in by_key else base or order[1]
    if a == b:
        b = next(one for one in order if one != a)
    for name, chosen in ((A, a), (B, b)):
        # The URL is the truth and the widget follows, so that the browser's way back works too.
        st.session_state[f"duel-{name}"] = chosen
    for name in (A, B):
        if name == B:
            st.markdown("against", width="content")
        st.selectbox(
            "First variant" if name == A else "Second variant",
            list(by_key),
            format_func=lambda one: by_key[one].label,
            key=f"duel-{name}",
            on_change=_choose,
            args=(name, b if name == A else a),
            label_visibility="collapsed",
            width=230,
        )
    return by_key[a], by_key[b]


def _choose(name: str, other: str) -> None:
    open_pile(None)
    chosen = st.session_state[f"duel-{name}"]
    before = st.query_params.get(name)
    st.query_params[name] = chosen
    # Whoever chooses the other one of the two means to turn them round.
    st.query_params[B if name == A else A] = other if chosen != other else before or other


def _seed_picker(a: Group, b: Group) -> int | None:
    shared = [seed for seed in a.seeds if seed in b.seeds]
    if max(len(a.runs), len(b.runs)) < 2 or not shared:
        return None
    chosen = st.selectbox(
        "Seeds",
        ["all", *(str(seed) for seed in shared)],
        format_func=lambda one: "majority of the seeds" if one == "all" else f"seed {one} alone",
        key="seed",
        bind="query-params",
        label_visibility="collapsed",
        width=190,
    )
    return None if chosen in (None, "all") else int(chosen)


def _pile(now: Comparing, found: Duel, a: Group, b: Group, seed: int | None) -> None:
    asked = st.query_params.get(PILE)
    names = {
        "only_a": f"only {found.a}",
        "only_b": f"only {found.b}",
        "both": "both right",
        "neither": "both wrong",
    }
    if not found.luck.empty:
        every_a, every_b = (
            "the one seed" if number == 1 else "every seed" for number in found.num_seeds
        )
        names |= {"steady_a": f"{every_a} of {found.a}, none of {found.b}"}
        names |= {"steady_b": f"{every_b} of {found.b}, none of {found.a}"}
    pile = asked if asked in names else "only_a"
    st.session_state["pile-picker"] = pile
    st.selectbox(
        "Pile",
        list(names),
        format_func=lambda one: (
            f"Right: {names[one]}" if one not in PILES[::3] else names[one].capitalize()
        ),
        key="pile-picker",
        on_change=lambda: open_pile(st.session_state["pile-picker"]),
        label_visibility="collapsed",
    )
    classes = dict(zip(found.classes["class"].tolist(), found.classes["class_name"], strict=True))
    text = st.query_params.get(CLASS, "")
    label = int(text) if text.isascii() and text.isdigit() and int(text) in classes else None
    ids = found.sample_ids(pile, label)
    table = found.samples[found.samples["sample_id"].isin(ids)]
    title = "Images of all classes" if label is None else f"True {escaped(classes[label])}"
    on_remove = None if label is None else lambda: open_pile(pile)
    is_inverted = gallery_header(title, len(table), "duel", on_remove)
    if table.empty:
        st.info("No image lies on this pile.", icon=":material/grid_off:")
        return
    st.caption(
        f"Below each image: its class, then what {escaped(found.a)} | {escaped(found.b)} say most often."
    )
    _images(now, page_of(table), a, b, seed, is_inverted)


def _images(
    now: Comparing, rows: pd.DataFrame, a: Group, b: Group, seed: int | None, is_inverted: bool
) -> None:
    run = a.runs[0]
    problem = data.images_problem(run, now.split)
    if problem:
        st.warning(
            f"The images cannot be shown: {escaped(problem)}", icon=":material/image_not_supported:"
        )
    found = None if problem else sheet(rows, run, now.split)
    picked = st.query_params.get(IMAGE_KEY)
    show_tiles(
        duel_tiles(rows, a, b, now.split, seed), found, is_inverted, picked, "duel", open_image
    )
