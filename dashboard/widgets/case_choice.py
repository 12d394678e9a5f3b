"""What the page Errors is about: runs, the first of which leads, a split and one epoch; it stands in the URL.

They are chosen by `runs_choice`, as on the page Evaluate; image=ID is the image that is open.

The cursor of the epochs can play: it then moves by itself, one epoch at a time, and stops at the last.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from core.evaluation.cases import Cases
from core.labels import LabelSpace
from core.runs.run import Run
from dashboard import data, errors_data
from dashboard.widgets.case_link import EPOCH, SPLIT
from dashboard.widgets.cell import IMAGE_KEY, PAGE_KEY
from dashboard.widgets.errors import errors_shown
from dashboard.widgets.markdown import escaped
from dashboard.widgets.run_picker import titles_of
from dashboard.widgets.runs_choice import epoch_choice, runs_choice, split_choice

PLAY_SECONDS = 1.2
_PLAYING, _TICKED = "case-playing", "case-ticked"


@dataclass(frozen=True)
class Look:
    """What is looked at.

    Attributes:
        runs: those chosen, the leading one first.
        split: of the images.
        epoch: the cursor; None for the best weights, always so on test.
        epochs: where the cursor can stand; empty on test.
        titles: run id -> title, of all runs that a sentence may name.
        cases: what the runs say; see `dashboard.errors_data.cases`.
    """

    runs: Sequence[Run]
    split: str
    epoch: int | None
    epochs: Sequence[int]
    titles: dict[str, str]
    cases: Cases

    @property
    def lead(self) -> Run:
        """The run whose answers are looked at."""
        return self.runs[0]

    @property
    def lead_epoch(self) -> int | None:
        """The epoch of the leading run, its best one where the cursor is nowhere; None where it has none."""
        return self.epoch if self.epoch is not None else self.lead.state.best_epoch

    @property
    def space(self) -> LabelSpace:
        """Classes and counts."""
        return self.cases.predictions.space

    @property
    def fingerprint(self) -> str:
        """That of the data set."""
        return self.lead.spec.get("data_fingerprint", "")


def case_choice(found: Sequence[Run], key: str) -> Look:
    """Show the choice of runs, split and epoch, and return what is looked at; what the URL names in vain is said.

    Args:
        found: runs with outputs, newest first; at least one.
        key: of the widgets.

    Raises:
        CoreError: the outputs of the leading run cannot be read.
    """
    titles = titles_of(found)
    runs = runs_choice(found, f"{key}-runs")
    split = split_choice(runs[0], f"{key}-split", from_the_first_image)
    epoch = epoch_choice(runs[0], split, f"{key}-epoch")
    known = errors_data.epochs(runs[0], split)
    player(runs[0], split, known, epoch, f"{key}-play")
    cases = errors_data.cases(runs, split, epoch, titles)
    return Look(runs, split, epoch, known, titles, cases)


def left_out(look: Look) -> None:
    """Say which runs are not about the same images, and are left out."""
    if look.cases.left_out:
        with st.expander(f"{len(look.cases.left_out)} runs are left out"):
            for sentence in look.cases.left_out:
                st.markdown(f"- {escaped(sentence)}")


def open_image(image: int | str) -> None:
    """Put the opened image into the URL."""
    st.query_params[IMAGE_KEY] = str(image)


def from_the_first_image() -> None:
    """Forget page and opened image, because other images are about to be shown."""
    if PAGE_KEY in st.session_state:
        st.session_state[PAGE_KEY] = 1
    for name in (PAGE_KEY, IMAGE_KEY):
        if name in st.query_params:
            del st.query_params[name]


def validation_button(key: str) -> None:
    """Show the way from test, of which no epochs are stored, to validation, of which all are."""
    st.button("Show validation", icon=":material/history:", key=key, on_click=_show_validation)


def _show_validation() -> None:
    from_the_first_image()
    st.query_params[SPLIT] = "validation"


def put_epoch(epoch: int) -> None:
    """Put the cursor onto an epoch."""
    st.query_params[EPOCH] = str(epoch)


def player(run: Run, split: str, known: Sequence[int], epoch: int | None, key: str) -> None:
    """Show the button that lets the cursor move by itself, and move it while it plays."""
    if len(known) < 2:
        return
    what = f"{run.id}/{split}"
    shown = epoch or run.state.best_epoch or known[-1]
    is_playing = st.session_state.get(_PLAYING) == what
    st.button(
        "Stop" if is_playing else "Play",
        icon=":material/stop:" if is_playing else ":material/play_arrow:",
        key=key,
        on_click=_play,
        args=("" if is_playing else what, known, shown),
        help="Moves the epoch by itself, and everything on the page with it.",
    )
    if is_playing:
        st.session_state[_TICKED] = False
        st.fragment(_tick, run_every=PLAY_SECONDS)(known[-1], shown)


def _play(what: str, known: Sequence[int], shown: int) -> None:
    st.session_state[_PLAYING] = what
    if what and shown >= known[-1]:
        put_epoch(known[0])


def _tick(last: int, shown: int) -> None:
    """Move the cursor on, once the page has been drawn with where it stands."""
    with errors_shown():
        if not st.session_state.get(_TICKED):
            st.session_state[_TICKED] = True
            return
        if shown >= last:
            st.session_state[_PLAYING] = ""
        else:
            put_epoch(shown + 1)
        st.rerun()


def images_problem(look: Look) -> str | None:
    """Return why the images cannot be shown, or None."""
    return data.images_problem(look.lead, look.split)
