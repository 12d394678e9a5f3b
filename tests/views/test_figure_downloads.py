"""What every figure offers beside itself: its numbers as LaTeX, and a camera that saves PNG or SVG."""

import json

import numpy as np
import pandas as pd
from streamlit.testing.v1 import AppTest

from dashboard.widgets.downloads import latex


def test_a_table_becomes_latex_whose_special_characters_are_escaped():
    table = pd.DataFrame({"mean_%": [0.123456789, np.nan], "class": ["T-shirt & top_1", "$50 {x}"]})
    lines = latex(table).decode().splitlines()
    assert lines[0] == r"\begin{tabular}{rl}"
    assert lines[2] == r"Mean \% & Class \\"
    assert lines[4] == r"0.123457 & T-shirt \& top\_1 \\"
    assert lines[5] == r" & \$50 \{x\} \\"


def _page():
    import pandas as pd
    import plotly.graph_objects as go

    from dashboard.widgets.figure import figure

    table = pd.DataFrame({"x": [1]})
    figure(go.Figure(), "plot", alt="Nothing.", how_to_read="Nothing.", table=table)


def test_the_camera_saves_png_until_svg_is_chosen():
    app = AppTest.from_function(_page, default_timeout=60).run()
    assert _format(app) == "png"
    app.toggle(key="plot-svg").set_value(True).run()
    assert _format(app) == "svg"


def _format(app):
    (chart,) = app.get("plotly_chart")
    return json.loads(chart.proto.config)["toImageButtonOptions"]["format"]
