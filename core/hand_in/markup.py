"""Markup: HTML put together from plain functions, every text escaped unless it is markup already.

Separate so that no other module of the hand-in file writes an angle bracket. It leaves out what stands in the file and how
it looks (`core.hand_in.document`).
"""

from collections.abc import Iterable, Sequence
from html import escape

import plotly.graph_objects as go

from core.charts.style import themed

HEIGHT = 420
"""Pixels of a figure that does not say its own height."""

_VOID = frozenset({"br", "img", "meta"})


class Markup(str):
    """HTML that is put into a page as it is; any other string is escaped first."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: str | bool | None) -> Markup:
    """Return an element.

    Args:
        tag: its name.
        children: markup as it is, text escaped.
        attributes: "_" in a name stands for "-", and one at its end for nothing (`class_`); True gives a name without a
            value, None and False nothing.
    """
    words = [tag]
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        written = name.rstrip("_").replace("_", "-")
        words.append(written if value is True else f'{written}="{escape(str(value))}"')
    start = f"<{' '.join(words)}>"
    return Markup(start if tag in _VOID else f"{start}{joined(children)}</{tag}>")


def joined(parts: Iterable[str]) -> Markup:
    """Return parts behind each other, those that are no markup escaped."""
    return Markup("".join(one if isinstance(one, Markup) else escape(one) for one in parts))


def paragraphs(sentences: Iterable[str]) -> Markup:
    """Return a list with one entry a sentence; nothing where there is none."""
    entries = [element("li", one) for one in sentences]
    return element("ul", *entries) if entries else Markup()


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], num_texts: int = 1) -> Markup:
    """Return a table that scrolls by itself where it is wider than the page; the file's script lets keys scroll it then.

    Args:
        headers: of the columns.
        rows: as many cells as there are headers, each a text or markup.
        num_texts: leading columns that hold texts; the others hold numbers and stand on the right.
    """

    def cells(tag: str, row: Sequence[str]) -> Markup:
        return joined(
            element(tag, one, class_="number" if place >= num_texts else None)
            for place, one in enumerate(row)
        )

    head = element("thead", element("tr", cells("th", headers)))
    body = element("tbody", *(element("tr", cells("td", row)) for row in rows))
    return element("div", element("table", head, body), class_="wide")


def number_of(number: int, what: str) -> str:
    """Return a number with what is counted: "1 variant", "2 variants"."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def folded(summary: str, *children: str) -> Markup:
    """Return what is shown when its title is clicked, and always on paper."""
    return element("details", element("summary", summary), *children)


def figure(fig: go.Figure, title: str, alt: str, reading: str | None = None) -> Markup:
    """Return a figure that the file's own script draws.

    Args:
        fig: as `core.charts` made it.
        title: above it.
        alt: what it shows, for those who cannot see it.
        reading: id of the text that says how to read it.
    """
    light = themed(fig, is_dark=False)
    height = int(light.to_plotly_json()["layout"].get("height") or HEIGHT)
    # Within a script nothing ends it but "</script"; in JSON the escape means the same.
    drawing = Markup((light.to_json() or "").replace("<", "\\u003c"))
    link = element("a", "How to read this", href=f"#{reading}") if reading else Markup()
    return element(
        "figure",
        element("figcaption", element("strong", title), " ", link),
        # A group and no picture: what is within a picture, such as the buttons above the figure, is not announced.
        element("div", class_="plot", role="group", aria_label=alt, style=f"min-height:{height}px"),
        element("script", drawing, type="application/json"),
    )
