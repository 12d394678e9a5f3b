"""Document: chapters as one HTML file with a table of contents, plotly.js once, and nothing that is fetched.

Separate because it knows neither runs nor charts. Its policy forbids the browser to ask anybody for anything, so that a
mistake elsewhere shows as a missing picture and never as a request.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from plotly.offline import get_plotlyjs

from core.hand_in.markup import Markup, element, joined

POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)

STYLE = """
:root { color: #31333f; background: white; font: 15px/1.5 "Source Sans", "Source Sans 3", "Segoe UI", system-ui, sans-serif; }
body { max-width: 1160px; margin: 0 auto; padding: 24px 28px 80px; overflow-wrap: anywhere; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 1.5rem; margin: 56px 0 12px; padding-top: 12px; border-top: 2px solid #e3e6ea; }
h3 { font-size: 1.2rem; margin: 36px 0 8px; }
h4 { font-size: 1rem; margin: 24px 0 6px; }
a { color: #00598c; }
nav { background: #f3f6f9; border-radius: 6px; padding: 10px 20px; margin: 20px 0; }
nav a, figcaption a { display: inline-block; min-height: 24px; min-width: 24px; }
nav ol { margin: 4px 0; padding-left: 22px; }
nav ol ol { columns: 3 220px; list-style: none; padding-left: 0; }
.quiet, figcaption a, dt { color: #5b6470; }
.quiet, figcaption a { font-size: .87rem; }
.warning { border-left: 4px solid #d55e00; background: #fdf3ec; padding: 6px 16px; margin: 16px 0; }
.wide { overflow-x: auto; margin: 8px 0; }
table { border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 10px; border-bottom: 1px solid #e3e6ea; text-align: left; vertical-align: top; overflow-wrap: normal; }
th { white-space: nowrap; background: #f3f6f9; }
.number { text-align: right; white-space: nowrap; }
.best { font-weight: 700; background: #ddf3ea; }
code { font-size: .82rem; overflow-wrap: anywhere; }
.short { white-space: nowrap; }
details { margin: 8px 0; }
summary { cursor: pointer; color: #00598c; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(480px, 100%), 1fr)); gap: 20px; align-items: start; }
.figures > *, figure { min-width: 0; }
figure { margin: 12px 0; break-inside: avoid; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(var(--tile), 1fr)); gap: 14px 10px; margin: 10px 0; }
.case { font-size: .78rem; line-height: 1.3; break-inside: avoid; }
.image { background-image: var(--sheet); image-rendering: pixelated; margin: 2px 0; print-color-adjust: exact;
  -webkit-print-color-adjust: exact; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 8px 0; }
dd { margin: 0; }
.swatch { display: inline-block; width: .75em; height: .75em; border-radius: 2px; margin-right: .45em; print-color-adjust: exact;
  -webkit-print-color-adjust: exact; }
body.printing { max-width: 690px; padding: 0; }
body.printing .figures { grid-template-columns: 1fr; }
@page { margin: 14mm; }
@media print { nav, .wide { break-inside: auto; } h2, h3, h4, figcaption { break-after: avoid; } h2 { break-before: page; }
  :root { font-size: 12px; } table { font-size: .72rem; } th { white-space: normal; } th, td { padding: 2px 5px; } }
"""

SCRIPT = """
"use strict";
const boxes = [...document.querySelectorAll(".plot")];
const config = {displaylogo: false, responsive: true, modeBarButtonsToRemove: ["select2d", "lasso2d"],
  toImageButtonOptions: {format: "svg", filename: "petridish-figure"}};
function draw(box) {
  if (box.dataset.drawn) return;
  box.dataset.drawn = "yes";
  const drawing = JSON.parse(box.nextElementSibling.textContent);
  Plotly.newPlot(box, drawing.data, drawing.layout, config);
}
const tables = new ResizeObserver((seen) => seen.forEach(({target}) => {
  if (target.scrollWidth > target.clientWidth) target.tabIndex = 0; else target.removeAttribute("tabindex");
}));
document.querySelectorAll(".wide").forEach((box) => tables.observe(box));
const near = new IntersectionObserver(
  (seen) => seen.forEach((one) => { if (one.isIntersecting) draw(one.target); }), {rootMargin: "800px"});
boxes.forEach((box) => near.observe(box));
function drawRest() {
  const left = boxes.find((box) => !box.dataset.drawn);
  if (left) { draw(left); setTimeout(drawRest, 30); }
}
addEventListener("load", () => setTimeout(drawRest, 300));
const folded = [...document.querySelectorAll("details:not([open])")];
addEventListener("beforeprint", () => {
  document.body.classList.add("printing");
  folded.forEach((one) => { one.open = true; });
  boxes.forEach((box) => { draw(box); Plotly.relayout(box, {width: box.clientWidth}); });
});
addEventListener("afterprint", () => {
  document.body.classList.remove("printing");
  folded.forEach((one) => { one.open = false; });
  boxes.forEach((box) => Plotly.relayout(box, {width: null, autosize: true}));
});
"""


@dataclass(frozen=True)
class Chapter:
    """A part with a heading of its own in the table of contents.

    Attributes:
        anchor: its id: letters, digits and hyphens.
        title: its heading.
        body: what stands below.
        sections: parts one level down.
    """

    anchor: str
    title: str
    body: Markup = field(default_factory=Markup)
    sections: tuple["Chapter", ...] = ()


def document(title: str, head: Markup, chapters: Iterable[Chapter]) -> str:
    """Return the file.

    Args:
        title: its heading and the browser's.
        head: what stands above the table of contents.
        chapters: in their order, at most two levels.
    """
    given = list(chapters)
    page = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=POLICY),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("title", title),
            element("style", Markup(STYLE)),
        ),
        element(
            "body",
            element("header", element("h1", title), head),
            element("noscript", element("p", "The figures need JavaScript.", class_="warning")),
            element("nav", element("strong", "Contents"), _contents(given), aria_label="Contents"),
            element("main", *(_written(chapter, "h2") for chapter in given)),
            element("script", Markup(get_plotlyjs())),
            element("script", Markup(SCRIPT)),
        ),
        lang="en",
    )
    return f"<!DOCTYPE html>\n{page}\n"


def _contents(chapters: Iterable[Chapter]) -> Markup:
    entries = [
        element(
            "li",
            element("a", chapter.title, href=f"#{chapter.anchor}"),
            _contents(chapter.sections) if chapter.sections else Markup(),
        )
        for chapter in chapters
    ]
    return element("ol", *entries)


def _written(chapter: Chapter, tag: str) -> Markup:
    return element(
        "section",
        element(tag, chapter.title),
        chapter.body,
        joined(_written(one, "h3") for one in chapter.sections),
        id=chapter.anchor,
    )
