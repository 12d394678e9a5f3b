"""The browser's part of the gallery: fixed HTML, CSS and JavaScript, nothing of which is made from data.

Apart from `gallery` because it is another language. It shows what it is given and reports which tile was picked.
"""

import streamlit as st

_HTML = """
<div class="frame"><div class="gallery">
  <section class="detail" aria-live="polite">
    <div class="large" role="img"></div>
    <dl class="facts"></dl>
  </section>
  <div class="tiles" role="listbox" aria-label="Images"></div>
</div></div>
"""

_CSS = """
.gallery { display: flex; flex-wrap: wrap; gap: 12px 20px; font-family: var(--st-font); color: var(--st-text-color);
  font-size: 13px; line-height: 1.35; }
.detail { flex: 1 1 390px; max-width: 520px; display: flex; flex-wrap: wrap; gap: 14px;
  align-items: flex-start; min-height: 178px; }
.large { flex: none; border: 1px solid var(--st-border-color); border-radius: 4px; }
.facts { flex: 1 1 110px; margin: 0; display: grid; grid-template-columns: fit-content(45%) 1fr; gap: 2px 10px; align-content: start; }
.facts dt { opacity: .7; overflow-wrap: anywhere; } .facts dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.bare .detail { display: none; }
.frame { container-type: inline-size; }
@container (min-width: 720px) { .plain .detail { flex: 1 1 290px; max-width: 310px; } }
.tiles { flex: 3 1 380px; display: grid; grid-template-columns: repeat(auto-fill, minmax(var(--tile), 1fr)); gap: 6px;
  align-content: start; max-height: 500px; overflow-y: auto; padding: 2px; }
.tile { display: flex; flex-direction: column; align-items: center; gap: 3px; padding: 4px 2px; cursor: pointer;
  color: inherit; font: inherit; font-size: 12px; line-height: 1.25; text-align: center; background: transparent;
  border: 2px solid transparent; border-radius: 6px; overflow-wrap: anywhere; }
.tile:hover { background: var(--st-secondary-background-color); }
.tile.wrong .picture { outline: 2px dashed #D55E00; outline-offset: 1px; }
.tile[aria-selected=true] { border-color: var(--st-primary-color); background: var(--st-secondary-background-color); }
.tile:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
.picture, .large { image-rendering: pixelated; background-repeat: no-repeat; background-color: #000; }
.inverted .picture, .inverted .large { filter: invert(1); }
.absent { display: grid; place-items: center; background-color: var(--st-secondary-background-color);
  font-size: 11px; filter: none !important; width: 64px; height: 64px; }
.large.absent { width: 168px; height: 168px; }
.note { opacity: .7; font-size: 11px; }
.mark { font-weight: 700; } .wrong .mark, .mark.wrong { color: #D55E00; }
"""

_JS = """
const LARGE_FACTS = [["Sample", "id"], ["True", "true"], ["Predicted", "predicted"], ["Confidence", "confidence"],
  ["Loss", "loss"]];

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function picture(box, sheet, position, scale, label) {
  box.classList.toggle("absent", !sheet);
  if (!sheet) { box.textContent = "no image"; return; }
  const column = position % sheet.columns, row = Math.floor(position / sheet.columns);
  box.style.width = sheet.width * scale + "px";
  box.style.height = sheet.height * scale + "px";
  box.style.backgroundImage = 'url("' + encodeURI(sheet.url) + '")';
  box.style.backgroundSize = sheet.columns * sheet.width * scale + "px " + sheet.rows * sheet.height * scale + "px";
  box.style.backgroundPosition = -column * sheet.width * scale + "px " + -row * sheet.height * scale + "px";
  if (label) box.setAttribute("aria-label", label);
}

function opened(box, sheet, tile, position) {
  // Images larger than a tile are shown there smaller: the opened one has a picture of its own.
  if (!sheet || !sheet.full) return picture(box, sheet, position, sheet ? sheet.large : 1, described(tile));
  const full = { ...sheet.full, url: sheet.full.url + tile.id, columns: 1, rows: 1 };
  picture(box, full, 0, full.scale, described(tile));
}

function described(tile) {
  if (tile.predicted === undefined) return tile.id + ", " + tile.true + (tile.note ? ", " + tile.note : "");
  return "sample " + tile.id + ", true " + tile.true + ", predicted " + tile.predicted + ", confidence "
    + tile.confidence + (tile.right ? ", right" : ", wrong");
}

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".gallery");
  const list = root.querySelector(".tiles"), large = root.querySelector(".large"), facts = root.querySelector(".facts");
  const { tiles, sheet } = data;
  root.classList.toggle("inverted", data.inverted);
  root.classList.toggle("bare", !!data.bare);
  root.classList.toggle("plain", tiles.some(tile => tile.facts));
  const signature = JSON.stringify([tiles, sheet]);

  function show(position, report) {
    const tile = tiles[position];
    [...list.children].forEach((button, at) => {
      button.setAttribute("aria-selected", at === position);
      button.tabIndex = at === position ? 0 : -1;
    });
    opened(large, sheet, tile, position);
    facts.replaceChildren();
    for (const [label, text] of tile.facts ?? []) facts.append(element("dt", "", label), element("dd", "", text));
    for (const [label, name] of tile.facts ? [] : LARGE_FACTS) {
      const value = element("dd", "", name === "id" ? "#" + tile.id : tile[name]);
      if (name === "predicted") value.prepend(element("span", "mark" + (tile.right ? "" : " wrong"), tile.right ? "✓ " : "✕ "));
      facts.append(element("dt", "", label), value);
    }
    (tile.top ?? []).forEach(([name, share], at) =>
      facts.append(element("dt", "", at === 0 ? "Top three" : ""), element("dd", "", name + ": " + share)));
    root.dataset.picked = tile.id;
    if (report) {
      clearTimeout(root.reporting);
      // Held arrow keys pass many tiles; only where they rest goes into the address.
      root.reporting = setTimeout(() => setTriggerValue("picked", tile.id), 200);
    }
  }

  if (root.dataset.signature !== signature) {
    root.dataset.signature = signature;
    delete root.dataset.picked;
    const longest = Math.max(...tiles.map(tile => Math.max(tile.true.length, (tile.predicted ?? "").length)));
    const side = sheet ? sheet.width * sheet.scale : 64;
    list.style.setProperty("--tile", Math.max(side + 12, longest > 8 ? 112 : 78) + "px");
    list.replaceChildren(...tiles.map((tile, position) => {
      const isJudged = tile.predicted !== undefined;
      const button = element("button", "tile" + (isJudged && !tile.right ? " wrong" : ""));
      button.type = "button";
      button.setAttribute("role", "option");
      button.setAttribute("aria-label", described(tile));
      button.dataset.sample = tile.id;
      const box = element("div", "picture");
      picture(box, sheet, position, sheet ? sheet.scale : 1, "");
      if (isJudged) {
        const answer = element("span", "");
        answer.append(element("span", "mark", tile.right ? "✓ " : "✕ "), tile.predicted);
        button.append(element("span", "", tile.true.length > 8 ? tile.true : "true " + tile.true), box, answer, element("span", "share", tile.confidence));
      } else {
        button.append(box, element("span", "", tile.true), element("span", "note", tile.note ?? ""));
      }
      button.onclick = () => show(position, true);
      return button;
    }));
  }

  list.onkeydown = event => {
    const here = [...list.children].indexOf(parentElement.activeElement ?? document.activeElement);
    if (here < 0) return;
    const tops = list.children[0].offsetTop;
    const across = [...list.children].filter(button => button.offsetTop === tops).length;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const there = Math.min(Math.max(here + step, 0), tiles.length - 1);
    list.children[there].focus();
    show(there, true);
  };

  const asked = tiles.findIndex(tile => String(tile.id) === String(data.picked));
  const shown = tiles.findIndex(tile => String(tile.id) === root.dataset.picked);
  // What the user just opened is newer than what the server knows.
  show(shown >= 0 ? shown : Math.max(asked, 0), false);
}
"""

COMPONENT = st.components.v2.component("petridish_gallery", html=_HTML, css=_CSS, js=_JS)
"""Mounts the gallery; see `gallery` for its data."""
