"""The browser's part of an image that is made by hand: fixed HTML, CSS and JavaScript, nothing of which is made from data.

Apart from the widgets because it is another language. It paints grey pixels with a round brush, or reports the pixels that
were clicked, numbered, until the server has heard of them, and shows beforehand what would change there.
"""

import streamlit as st

_HTML = """
<div class="canvas-frame">
  <canvas tabindex="0" role="application"></canvas>
  <div class="position" aria-live="polite"></div>
</div>
"""

_CSS = """
.canvas-frame { font-family: var(--st-font); color: var(--st-text-color); font-size: 12px; display: inline-block; }
canvas { image-rendering: pixelated; border: 1px solid var(--st-border-color); border-radius: 4px; cursor: crosshair;
  touch-action: none; display: block; }
canvas:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
.position { opacity: .75; min-height: 1.4em; font-variant-numeric: tabular-nums; }
"""

_JS = """
function decoded(text) { return Uint8Array.from(atob(text), letter => letter.charCodeAt(0)); }
function encoded(bytes) { return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join("")); }

export default function ({ parentElement, data, setTriggerValue, setStateValue }) {
  const canvas = parentElement.querySelector("canvas"), words = parentElement.querySelector(".position");
  const { width, height, scale, mode, ghost } = data;
  const context = canvas.getContext("2d");
  canvas.width = width; canvas.height = height;
  canvas.style.width = width * scale + "px"; canvas.style.height = height * scale + "px";
  canvas.setAttribute("aria-label", data.alt);
  // A drawing belongs to the browser until it is cleared; a picked image always is what the server says.
  if (canvas.version !== data.version || mode === "pick") {
    canvas.pixels = decoded(data.pixels);
    canvas.version = data.version;
  }
  canvas.cursor ??= [Math.floor(height / 2), Math.floor(width / 2)];
  // What the server has not yet heard of goes along with the next: of two quick clicks it only gets the second message.
  canvas.unheard = (canvas.unheard ?? []).filter(([number]) => number > data.heard);

  function paint(hover) {
    const shown = context.createImageData(width, height);
    const marked = new Set();
    for (const [down, across] of hover && ghost ? ghost : []) {
      const row = hover[0] + down, column = hover[1] + across;
      if (row >= 0 && row < height && column >= 0 && column < width) marked.add(row * width + column);
    }
    for (let at = 0; at < width * height; at++) {
      const grey = data.inverted ? 255 - canvas.pixels[at] : canvas.pixels[at];
      const isMarked = marked.has(at);
      // The ghost is what exclusive or would make of the pixel, tinted.
      const value = isMarked ? 255 - grey : grey;
      shown.data.set(isMarked ? [value * .35 + 40, value * .6 + 60, value * .8 + 50, 255] : [value, value, value, 255], at * 4);
    }
    context.putImageData(shown, 0, 0);
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / box.width * width);
    const row = Math.floor((event.clientY - box.top) / box.height * height);
    return [Math.min(Math.max(row, 0), height - 1), Math.min(Math.max(column, 0), width - 1)];
  }

  function brush([row, column]) {
    const size = data.brush, target = data.eraser ? 0 : 255;
    for (let down = -Math.ceil(size); down <= size; down++) for (let across = -Math.ceil(size); across <= size; across++) {
      const y = row + down, x = column + across, far = Math.hypot(down, across) / size;
      if (y < 0 || x < 0 || y >= height || x >= width || far > 1) continue;
      const at = y * width + x, share = far < .5 ? 1 : 2 - 2 * far;
      canvas.pixels[at] = Math.round(canvas.pixels[at] + (target - canvas.pixels[at]) * share);
    }
  }

  function report() {
    clearTimeout(canvas.reporting);
    canvas.reporting = setTimeout(() => setStateValue("drawing", data.version + ":" + encoded(canvas.pixels)), 150);
  }

  function pick() {
    canvas.picks = Math.max(canvas.picks ?? 0, data.heard) + 1;
    canvas.unheard.push([canvas.picks, ...canvas.cursor]);
    setTriggerValue("picked", [...canvas.unheard]);
  }

  let isDown = false;
  canvas.onpointerdown = event => {
    canvas.cursor = place(event);
    if (mode === "pick") { pick(); return; }
    isDown = true; canvas.setPointerCapture(event.pointerId);
    brush(canvas.cursor); paint();
  };
  canvas.onpointermove = event => {
    const here = place(event);
    words.textContent = "row " + here[0] + ", column " + here[1];
    if (mode === "pick") paint(here);
    else if (isDown) {
      const [fromRow, fromColumn] = canvas.cursor;
      const steps = Math.max(Math.abs(here[0] - fromRow), Math.abs(here[1] - fromColumn), 1);
      for (let step = 1; step <= steps; step++)
        brush([Math.round(fromRow + (here[0] - fromRow) * step / steps),
               Math.round(fromColumn + (here[1] - fromColumn) * step / steps)]);
      canvas.cursor = here; paint();
    }
  };
  canvas.onpointerup = () => { if (isDown) { isDown = false; report(); } };
  canvas.onpointerleave = () => { words.textContent = ""; if (mode === "pick") paint(); };
  canvas.onkeydown = event => {
    const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (step) {
      canvas.cursor = [Math.min(Math.max(canvas.cursor[0] + step[0], 0), height - 1),
                       Math.min(Math.max(canvas.cursor[1] + step[1], 0), width - 1)];
      words.textContent = "row " + canvas.cursor[0] + ", column " + canvas.cursor[1];
      paint(mode === "pick" ? canvas.cursor : undefined);
    } else if (event.key === "Enter" || event.key === " ") {
      if (mode === "pick") pick();
      else { brush(canvas.cursor); paint(); report(); }
    } else return;
    event.preventDefault();
  };
  paint();
}
"""

COMPONENT = st.components.v2.component("petridish_pixel_canvas", html=_HTML, css=_CSS, js=_JS)
"""Mounts the canvas; see `pixel_canvas` for its data."""
