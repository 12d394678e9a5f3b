"""The browser's part of a figure that grows: drawn once and then only moved, so that zoom and switched-off lines stay.

Apart from `figure` because it is another language. `st.plotly_chart` (Streamlit 1.67) makes another chart whenever the
numbers change, which forgets the zoom and flickers at every new epoch; `Plotly.react` with the figure's `uirevision`
does not. The library is the installed package's own file, which this server answers with at `api/plotly.js`.
"""

import streamlit as st

_HTML = '<div class="live-figure" role="figure"></div>'

_JS = r"""
function library(address) {
  window.petridishPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => { window.petridishPlotly = undefined; reject(new Error("plotly.js did not load")); };
    document.head.append(script);
  });
  return window.petridishPlotly;
}

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".live-figure");
  const { data: traces, layout } = JSON.parse(data.figure);
  root.setAttribute("aria-label", data.alt);
  root.style.height = `${layout.height}px`;
  root.newest = data.figure;
  library(data.library).then(Plotly => {
    // While the library came, there may have been another figure.
    if (root.newest === data.figure) return Plotly.react(root, traces, layout, JSON.parse(data.config));
  }).then(() => {
    root.removeAllListeners?.("plotly_click");
    if (data.is_pickable) root.on("plotly_click", event => {
      const point = event.points[0];
      if (point?.customdata) setTriggerValue("picked", Object.values(point.customdata));
      else if (point?.data.meta) setTriggerValue("picked", [...point.data.meta, point.x]);
    });
  });
}
"""

COMPONENT = st.components.v2.component(
    "petridish_live_figure", html=_HTML, js=_JS, isolate_styles=False
)
"""Mounts the figure. Its data: figure and config (JSON), alt, library (address), is_pickable; gives `picked`, a customdata; for a point without one the meta of its line and
where it stands along x."""
