"""Reading: how to take each chart of the hand-in file, for somebody who sees such a chart for the first time.

The charts of one run are explained by `core.report.SECTIONS`; here are those that hold variants against each other, as they
stand on paper: without clicks.
"""

from core.hand_in.document import Chapter
from core.hand_in.markup import element, joined
from core.report import section

COMPARED = {
    "bars": (
        "Bars",
        "One bar a variant: the mean over its seeds. What stands in brackets, and the thin line, is the 95 % interval: with "
        "three seeds or more it covers other seeds and other images, with fewer only other images. The dashed line is the "
        "baseline. Do not judge a difference by whether two intervals overlap: the sentences compare the variants on the same "
        "images.",
    ),
    "pairs": (
        "Pairs of variants",
        "Each cell is the mean of the row minus the mean of the column, on the same images. A filled dot marks a difference "
        "that is real: it would hold for other seeds and other images, after correction for all pairs together (Holm, 5 %). A "
        "circle means that these very networks differ, but that there are too few seeds to say it of the variants. Without a "
        "mark the two cannot be told apart.",
    ),
    "curves": (
        "Curves",
        "One line per variant: the mean over its seeds; the band is one standard deviation of the seeds to either side, and "
        "the faint lines are the single seeds. Solid is the validation split, which no network trains on; dotted the training "
        "images with the network as it is used; dashed the training images as they came by while the weights were still "
        "moving. A circle marks the epoch whose weights a seed kept, a cross the epoch in which it stopped.",
    ),
    "mistakes": (
        "Galleries of mistakes",
        "The wrong answers with the largest loss, the worst first: what the network was most sure of and wrong about. Above "
        "each image stands its true class, below it what the network said and how sure it was. Look for images that are "
        "mislabelled, cut off or of two kinds at once.",
    ),
}
"""Name -> heading and text."""


def reading_id(name: str) -> str:
    """Return the id of the text about a chart, for links."""
    return f"reading-{name.replace('_', '-')}"


def reading_chapter(sections: list[str]) -> Chapter:
    """Return the chapter with all texts.

    Args:
        sections: names of the sections of `core.report` that the file shows.
    """
    texts = COMPARED | {name: (section(name).title, section(name).how_to_read) for name in sections}
    body = joined(
        element("div", element("h3", title), element("p", text), id=reading_id(name))
        for name, (title, text) in texts.items()
    )
    note = element(
        "p",
        "Hovering over a figure shows its numbers, dragging zooms, a double click shows all again. Where a text speaks of a "
        "click that shows images: that works on the pages of Petridish, from which this file was saved.",
    )
    return Chapter("reading", "How to read the charts", joined([note, body]))
