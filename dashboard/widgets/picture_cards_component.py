"""The browser's part of the picture cards: fixed HTML, CSS and JavaScript, nothing of which is made from data.

Apart from `picture_cards` because it is another language. It cuts one contact sheet into cards of several pictures each
and reports which card was picked.
"""

import streamlit as st

_HTML = """<div class="cards" aria-label="Images"></div>"""

_CSS = """
.cards { font-family: var(--st-font); color: var(--st-text-color); font-size: 12px; line-height: 1.3; padding: 2px;
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, var(--card)), 1fr)); gap: 6px;
  align-content: start; overflow: auto; }
.cards.rows { grid-template-columns: 1fr; gap: 10px; }
.card { display: flex; flex-direction: column; gap: 3px; padding: 5px 4px; min-width: 0; text-align: center; color: inherit;
  font: inherit; background: transparent; border: 2px solid transparent; border-radius: 6px; }
button.card { cursor: pointer; }
button.card:hover { background: var(--st-secondary-background-color); }
button.card:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
.rows .card { flex-direction: row; flex-wrap: wrap; align-items: flex-start; text-align: start; gap: 4px 12px; }
.title { opacity: .7; overflow-wrap: anywhere; }
.rows .title { flex: none; width: var(--title); opacity: 1; font-size: 13px; }
.pictures { display: flex; justify-content: center; gap: 6px; }
.rows .pictures { justify-content: flex-start; flex-wrap: wrap; flex: 0 1 auto; }
.shown { display: flex; flex-direction: column; align-items: center; gap: 3px; width: var(--shown); text-align: center; }
.picture { flex: none; image-rendering: pixelated; background-repeat: no-repeat; background-color: #000;
  outline: 1px solid var(--st-border-color); }
.inverted .picture { filter: invert(1); }
.large .pictures { gap: 20px; } .large .caption { font-size: 17px; } .large .lines { font-size: 14px; }
.caption { overflow-wrap: break-word; max-width: 100%; font-variant-numeric: tabular-nums; }
.changed { font-weight: 700; color: var(--st-primary-color); border-radius: 4px; padding: 0 4px;
  background: color-mix(in srgb, var(--st-primary-color) 14%, transparent); }
.lines { opacity: .75; font-size: 11px; overflow-wrap: anywhere; }
.rows .lines { flex: 1 1 0; }
table { border-collapse: collapse; table-layout: fixed; flex: 1 1 300px; font-size: 12px; font-variant-numeric: tabular-nums; }
th { text-align: start; font-weight: 600; opacity: .7; padding: 2px 10px 4px 0; }
td { vertical-align: top; padding: 4px 10px 4px 0; border-top: 1px solid var(--st-border-color); overflow-wrap: anywhere; }
td .line + .line { opacity: .7; }
.line { display: flex; justify-content: space-between; gap: 8px; } .share { flex: none; }
th:first-child { width: 28%; }
.right::before { content: "✓ "; } .wrong::before { content: "✕ "; } .wrong { color: #D55E00; }
.right, .wrong { font-weight: 700; }
"""

_JS = """
function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// A data URL that many elements share is decoded for each of them: it becomes one Blob.
function address(root, png) {
  if (root.png === png) return root.address;
  if (root.address) URL.revokeObjectURL(root.address);
  const bytes = Uint8Array.from(atob(png), letter => letter.charCodeAt(0));
  root.png = png;
  root.address = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
  return root.address;
}

function picture(sheet, url, shown) {
  const box = element("div", "picture");
  const column = shown.at % sheet.columns, row = Math.floor(shown.at / sheet.columns);
  box.style.width = sheet.width * sheet.scale + "px";
  box.style.height = sheet.height * sheet.scale + "px";
  box.style.backgroundImage = 'url("' + url + '")';
  box.style.backgroundSize = sheet.columns * sheet.width * sheet.scale + "px "
    + sheet.rows * sheet.height * sheet.scale + "px";
  box.style.backgroundPosition = -column * sheet.width * sheet.scale + "px " + -row * sheet.height * sheet.scale + "px";
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", shown.alt);
  const whole = element("div", "shown");
  whole.append(box);
  if (shown.caption) whole.append(element("span", "caption" + (shown.changed ? " changed" : ""),
    (shown.changed ? "→ " : "") + shown.caption));
  return whole;
}

function table(found) {
  const made = element("table"), head = element("tr");
  for (const text of found.head) {
    const cell = element("th", "", text);
    cell.scope = "col";
    head.append(cell);
  }
  made.append(head);
  for (const cells of found.rows) {
    const row = element("tr");
    for (const lines of cells) {
      const cell = element("td");
      for (const line of lines) {
        const shown = element("div", "line");
        shown.append(element("span", line.mark ?? "", line.text), element("span", "share", line.share));
        cell.append(shown);
      }
      row.append(cell);
    }
    made.append(row);
  }
  return made;
}

function card(sheet, url, one, isPickable, isInRows) {
  const made = element(isPickable ? "button" : "div", "card");
  made.setAttribute("role", isPickable ? "button" : "listitem");
  made.setAttribute("aria-label", [one.title, ...(one.pictures.length ? one.pictures.map(shown => shown.alt) : one.lines)].join(", "));
  made.dataset.card = one.id;
  const pictures = element("div", "pictures");
  pictures.append(...one.pictures.map(shown => picture(sheet, url, shown)));
  const title = element("div", "title", one.title), lines = one.lines.map(line => element("div", "lines", line));
  if (isInRows && one.pictures.length) title.append(...lines);
  made.append(title, pictures);
  if (one.table) made.append(table(one.table));
  if (!isInRows || !one.pictures.length) made.append(...lines);
  return made;
}

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".cards"), { sheet, cards } = data;
  root.classList.toggle("inverted", data.inverted);
  root.classList.toggle("large", data.large);
  root.classList.toggle("rows", data.layout === "rows");
  // A list may hold no buttons.
  root.setAttribute("role", data.pickable ? "group" : "list");
  root.style.maxHeight = data.height ? data.height + "px" : "";
  const signature = JSON.stringify([sheet, cards, data.layout, data.pickable]);
  if (root.dataset.signature === signature) return;
  root.dataset.signature = signature;
  const url = address(root, sheet.png);
  const shown = Math.max(sheet.width * sheet.scale, data.caption);
  const most = Math.max(...cards.map(one => one.pictures.length));
  root.style.setProperty("--shown", shown + "px");
  root.style.setProperty("--card", most * (shown + (data.large ? 20 : 6)) + 10 + "px");
  root.style.setProperty("--title", data.title + "px");
  root.replaceChildren(...cards.map(one => card(sheet, url, one, data.pickable, data.layout === "rows")));
  const buttons = [...root.querySelectorAll("button.card")];
  // One stop for the Tab key; arrows lead on from there.
  buttons.forEach((button, at) => {
    button.type = "button";
    button.tabIndex = at === 0 ? 0 : -1;
    button.onclick = () => setTriggerValue("picked", button.dataset.card);
  });
  root.onkeydown = event => {
    const here = buttons.indexOf(parentElement.activeElement ?? document.activeElement);
    if (here < 0) return;
    const across = buttons.filter(button => button.offsetTop === buttons[0].offsetTop).length;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const there = Math.min(Math.max(here + step, 0), buttons.length - 1);
    buttons.forEach((button, at) => { button.tabIndex = at === there ? 0 : -1; });
    buttons[there].focus();
  };
}
"""

COMPONENT = st.components.v2.component("petridish_cards", html=_HTML, css=_CSS, js=_JS)
"""Mounts the cards; see `picture_cards` for its data."""
