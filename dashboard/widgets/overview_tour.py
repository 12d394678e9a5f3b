"""The guided tour: eight steps through the eight pages, on the runs of the demo.

In the URL: part=tour, step=3; without a number it is the first step. Steps are data; each says what to look for and opens its
page where that can be seen. It shows no page itself and explains no chart: "How to read this" beside each chart does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson
import streamlit as st

from core.runs.run import Run
from dashboard.widgets import empty
from dashboard.widgets.identity import why_not
from dashboard.widgets.markdown import escaped
from dashboard.widgets.overview_demo import CONV, DENSE, SHAPES, Demo, demo_of

PART, TOUR, STEP = "part", "tour", "step"
"""In the URL, none of them the name of a widget of another page that stands there too: Streamlit takes such a name away with
the page that it leaves, and the browser's way back would not lead to the tour."""
_SHAPES = {"dataset": "shapes", "settings": "images:3000"}


@dataclass(frozen=True)
class Step:
    """One step of the tour.

    Attributes:
        page: name of the page's file.
        title: the page's, as the sidebar has it.
        question: that the page answers.
        look_for: what to see and to click there.
        query: from the demo to the query of the link; a value may be empty while the demo has not finished.
        needs_runs: whether there is something to see only once the demo has finished.
    """

    page: str
    title: str
    question: str
    look_for: str
    query: Callable[[Demo], dict[str, str]]
    needs_runs: bool = True


STEPS = (
    Step(
        "data",
        "Data",
        "What will the networks learn from?",
        'Drawings of two kinds of figures, ten in each. A class is how many there are of which: "4 up + 6 left". Look at '
        "**Classes** for those that never occur, and click a bar: the images behind it open.",
        lambda _: _SHAPES,
        needs_runs=False,
    ),
    Step(
        "augment",
        "Augment",
        "What does a random change do to an image, and to its label?",
        'A quarter turn makes another class out of "4 up + 6 left", and the label travels with the image. The numbers drawn '
        "for each image stand beside it; another seed draws others. **Answers** asks the networks about both.",
        lambda _: _SHAPES | {"pipeline": "shapes-recipe"},
        needs_runs=False,
    ),
    Step(
        "train",
        "Train",
        "What is to be different this time?",
        "The form holds a variant with one setting changed, the learning rate; at the right stand what differs, how long it "
        "takes and how much memory. **Start** queues it, and it trains even when the browser is closed.",
        lambda _: {
            "dataset": "digits",
            "variants": DENSE,
            "changes": orjson.dumps({"training.learning_rate": 0.01}).decode(),
        },
        needs_runs=False,
    ),
    Step(
        "runs",
        "Runs",
        "How far has each run come, and does it learn?",
        "The curves of the three runs of the demo: train dashed, validation solid. Choose another row of the table to "
        "see another curve; messages say in words what a curve shows.",
        lambda demo: {"runs": demo.ids},
    ),
    Step(
        "compare",
        "Compare",
        "Which variant is better, and is it real?",
        "Two variants on the same digits, each with its interval, and a sentence that says whether the difference is more than "
        "chance. With one seed each it speaks of these two networks only. **Duel** shows the images on which they disagree.",
        lambda _: {"dataset": "digits", "suite": "demo"},
    ),
    Step(
        "evaluate",
        "Evaluate",
        "What is taken for what?",
        "The confusion matrix of the convolutional network: rows are true classes, columns predicted ones. Click a cell beside the "
        "diagonal, and exactly the images that it counts open.",
        lambda demo: {"runs": demo.of(CONV), "split": "test"},
    ),
    Step(
        "errors",
        "Errors",
        "Which images go wrong, and what does each variant say of them?",
        "The images that the first network gets wrong, with the answer of both. Remove a filter by its cross, sort by loss or "
        "confidence, open an image: its history over the epochs, and the training images most like it.",
        lambda demo: {"runs": demo.of(CONV, DENSE), "split": "test", "right": "no"},
    ),
    Step(
        "predict",
        "Predict",
        "What does a network say of images that it has never seen?",
        "Place figures by hand and watch class and counts change as you do; or give a file, and results.csv comes out.",
        lambda demo: {"runs": demo.of(SHAPES), "view": "Place figures"},
    ),
)


def tour(runs: Sequence[Run], key: str) -> None:
    """Show one step: its question, what to look for, the way there, and the ways to the steps beside it.

    Args:
        runs: all there are, newest first.
        key: of the widgets.
    """
    demo = demo_of(runs)
    number = _number()
    step = STEPS[number - 1]
    _demo_missing(demo, key)
    with st.container(border=True, gap="small", width=820):
        st.caption(f"Step {number} of {len(STEPS)}")
        st.header(f"{step.title}: {step.question[0].lower()}{step.question[1:]}", anchor=False)
        st.markdown(step.look_for)
        query = {name: value for name, value in step.query(demo).items() if value}
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if number > 1:
                st.button("Back", key=f"{key}-back", icon=":material/arrow_back:", on_click=_go, args=(number - 1,))  # fmt: skip
            if number < len(STEPS):
                st.button(f"Next: {STEPS[number].title}", key=f"{key}-next", icon=":material/arrow_forward:", on_click=_go, args=(number + 1,))  # fmt: skip
            st.page_link(
                f"views/{step.page}.py",
                label=f"Open {step.title} on the demo",
                icon=":material/open_in_new:",
                query_params=query,
                disabled=step.needs_runs and not demo.finished,
            )
    st.progress(number / len(STEPS), f"{number} of {len(STEPS)}: " + " · ".join(_words(number)))
    st.caption("The tour waits here: the page Overview in the sidebar leads back to its beginning, the browser's way back to this step.")  # fmt: skip


def _words(number: int) -> list[str]:
    return [f"**{one.title}**" if at == number else one.title for at, one in enumerate(STEPS, 1)]


def _number() -> int:
    """Return the step of the URL, from 1; the nearest one there is."""
    text = st.query_params.get(STEP, "1")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 1
    return min(max(number, 1), len(STEPS))


def _go(number: int) -> None:
    st.query_params[STEP] = str(number)


def _demo_missing(demo: Demo, key: str) -> None:
    """Say that the tour shows the runs of the demo, where they have not finished."""
    if demo.is_complete:
        return
    if demo.active:
        st.info("The demo is training: from step 4 on, the pages show as much as there is.", icon=":material/hourglass:")  # fmt: skip
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        closed = why_not("submit")
        if st.button(
            "Start the demo",
            key=f"{key}-demo",
            type="primary",
            icon=":material/play_arrow:",
            disabled=closed is not None,
            help=closed and escaped(closed),
        ):
            empty.start_demo()
            st.rerun()
        st.markdown("From step 4 on, the tour looks at the runs of the demo, which takes minutes.")
