"""The hand-in file: runs as one HTML file that opens without network or server, to be handed in, sent or printed.

A layer of its own above `core.report`, `core.lineup` and `core.facts`, whose tables, charts and sentences it sets down in
order; it computes nothing. Parts: `markup` (escaped HTML), `document` (the file itself), `compared` (variants of a data
set), `judged` (one variant), `mistakes` (galleries), `origin` (environment and hashes), `reading` (how to read the charts).
It leaves out permissions, which are for whoever asks.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.analysis.subject import dataset_of
from core.charts.style import distinct_colours
from core.datasets.base import Dataset
from core.exceptions import CoreError, DamagedRun, InvalidParameter
from core.hand_in import compared, origin
from core.hand_in.document import Chapter, document
from core.hand_in.judged import SHOWN, WITH_COUNTS, judged
from core.hand_in.markup import Markup, element, joined, number_of, paragraphs
from core.hand_in.reading import reading_chapter
from core.results import require_writable, whole_file
from core.run_groups import Group, damaged_sentences, groups
from core.runs.history_damage import history_damage
from core.runs.run import Run

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class HandIn:
    """A hand-in file.

    Attributes:
        html: the whole of it.
        num_runs: runs that it is about.
        left_out: a sentence for each run that is not in it, for what is lost of a history, and for what a comparison
            left out.
    """

    html: str
    num_runs: int
    left_out: tuple[str, ...]


def hand_in(
    runs: Sequence[Run], data_dir: Path, progress: Progress = lambda share, what: None
) -> HandIn:
    """Make the file.

    Runs on different data are compared among themselves, data set by data set. A run without answers on the test split is
    shown with what it has.

    Args:
        runs: which; damaged ones are named and left out.
        data_dir: folder of the data sets, for the thumbnails.
        progress: told the share done, in [0, 1], and what is being done.

    Raises:
        InvalidParameter: there is no run.
        DamagedRun: all runs are damaged.
    """
    damaged = damaged_sentences(runs)
    every = groups(runs)
    if not every:
        rule = "A report needs at least one run that is not damaged; got none."
        if not damaged:
            raise InvalidParameter(rule)
        raise DamagedRun(f"{rule} {damaged[0]} petridish runs fsck says more.")
    damaged += [one for group in every for run in group.runs for one in history_damage(run)]
    by_data: dict[str, list[Group]] = {}
    for group in every:
        by_data.setdefault(group.fingerprint, []).append(group)
    chapters = [Chapter("runs", "Runs", origin.run_list(every))]
    left_out = list(damaged)
    done = 0
    for number, (fingerprint, some) in enumerate(by_data.items(), 1):
        twice = sum(other[0].dataset == some[0].dataset for other in by_data.values()) > 1
        name = f"{some[0].dataset} ({fingerprint[:6]})" if twice else some[0].dataset
        progress(done / len(every), f"Comparing on {name}")
        chapter, missing = _compared_chapter(some, name, f"data-{number}")
        left_out += missing
        chapters.append(chapter)
        dataset = _dataset(some[0].runs[0], data_dir)
        parts = []
        for place, group in enumerate(some, 1):
            progress(done / len(every), f"Evaluating {group.label}")
            part = judged(group, f"variant-{number}-{place}", dataset, ("test", "validation"))
            if part is not None:
                parts.append(part)
            done += 1
        chapters.append(
            Chapter(f"variants-{number}", f"Each variant on {name}", sections=tuple(parts))
        )
    chapters.append(Chapter("origin", "Environment and hashes", origin.origin(every)))
    chapters.append(reading_chapter([*SHOWN, *WITH_COUNTS]))
    num_runs = len({run.id for run in runs if run.damaged is None})
    title = f"Report on {number_of(num_runs, 'run')}"
    progress(1.0, "Written")
    html = document(title, _head(every, list(by_data.values()), damaged), chapters)
    return HandIn(html, num_runs, tuple(left_out))


def write_hand_in(
    runs: Sequence[Run],
    output: Path,
    data_dir: Path,
    *,
    force: bool = False,
    progress: Progress = lambda share, what: None,
) -> HandIn:
    """Make the file and write it, whole or not at all; arguments as for `hand_in`.

    Raises:
        InvalidInput: the output exists and `force` is off, or it cannot be written; or there is no run.
        DamagedRun: all runs are damaged.
    """
    require_writable(output, force)
    made = hand_in(runs, data_dir, progress)
    with whole_file(output, force) as file:
        file.write(made.html)
    return made


def _compared_chapter(some: Sequence[Group], name: str, anchor: str) -> tuple[Chapter, list[str]]:
    colours = distinct_colours({group.label: group.colour_key for group in some})
    missing, shown = compared.result(some, colours)
    word = "Result" if len(some) == 1 else "Comparison"
    sections = (
        Chapter(f"{anchor}-curves", "Curves", compared.curves(some, colours)),
        Chapter(f"{anchor}-verdicts", "What the curves say", compared.verdicts(some)),
        Chapter(f"{anchor}-settings", "Settings", compared.settings(some)),
    )
    return Chapter(anchor, f"{word} on {name}", shown, sections), list(missing)


def _dataset(run: Run, data_dir: Path) -> Dataset | str:
    try:
        return dataset_of(run, data_dir)
    except CoreError as error:
        return str(error)


def _head(every: Sequence[Group], by_data: Sequence[Sequence[Group]], damaged: list[str]) -> Markup:
    names = ", ".join(dict.fromkeys(some[0].dataset for some in by_data))
    when = time.strftime("%Y-%m-%d %H:%M")
    said = element(
        "p",
        f"{number_of(len(every), 'variant')} on {names}. Made with Petridish, {when}.",
        class_="quiet",
    )
    if not damaged:
        return said
    return joined([said, element("div", paragraphs(damaged), class_="warning")])
