"""What every table offers beside itself: all its rows as CSV and LaTeX, made when asked for, and how many are in view."""

import ast
import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import dashboard
from dashboard.widgets import downloads
from dashboard.widgets.table import text_width

FOLDER = Path(dashboard.__file__).parent
ROWS = [
    {"run": "=cmd_1 & 50 %", "accuracy": 0.123456789, "tags": ["a", "=b"]},
    {"run": "plain", "accuracy": None, "tags": []},
    {"run": "third", "accuracy": 1.0, "tags": ["c"]},
]


def calls_of(name):
    """Return the files of the dashboard in which somebody calls st.<name>, or any object's method of that name."""
    return {
        path.name
        for path in FOLDER.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == name
    }


@pytest.mark.parametrize(
    ("name", "widget"), [("dataframe", "table.py"), ("plotly_chart", "figure.py")]
)
def test_tables_and_figures_are_shown_by_one_widget_alone(name, widget):
    assert calls_of(name) == {widget}


def test_no_table_is_shown_that_cannot_be_saved():
    texts = [path.read_text() for path in FOLDER.rglob("*.py")]
    assert not [text for text in texts if "st.table(" in text or "data_editor(" in text]


def _page(rows, most_rows=None, is_folded=True, with_numbers=False):
    import pandas as pd

    from dashboard.widgets.table import shown_table

    def numbers():
        raise AssertionError("made although nobody asked for it")

    shown_table(
        pd.DataFrame(rows),
        "scores",
        alt="Scores.",
        most_rows=most_rows,
        is_folded=is_folded,
        numbers=numbers if with_numbers else None,
    )


def shown(**arguments):
    app = AppTest.from_function(_page, kwargs={"rows": ROWS} | arguments, default_timeout=60).run()
    assert not app.exception, app.exception
    return app


@pytest.mark.parametrize("is_folded", [True, False])
def test_a_table_offers_csv_and_latex_and_builds_neither_before_it_is_asked(is_folded):
    app = shown(is_folded=is_folded, with_numbers=True)
    assert app.dataframe[0].proto.alt == "Scores."
    buttons = [one.proto for one in app.get("download_button")]
    assert [one.label for one in buttons] == ["Numbers (CSV)", "Numbers (LaTeX)"]
    # The file is made by a request of its own.
    assert all(one.deferred_file_id and not one.url for one in buttons)


def test_how_many_rows_are_in_view_is_said_where_it_is_not_all():
    rows = [{"run": str(number)} for number in range(9)]
    assert [one.value for one in shown(rows=rows, most_rows=6).caption] == ["6 of 9 rows"]
    # Nobody scrolls for the last one or two.
    assert not shown(rows=rows, most_rows=7).caption and not shown(rows=rows).caption


def test_the_csv_is_the_table_with_formulas_made_text():
    read = list(csv.reader(io.StringIO(downloads.csv(pd.DataFrame(ROWS)).decode())))
    assert read == [
        ["run", "accuracy", "tags"],
        ["'=cmd_1 & 50 %", "0.123456789", "a, =b"],
        ["plain", "", ""],
        ["third", "1.0", "c"],
    ]
    listed = pd.DataFrame({"tags": [["=a", "b"]]})
    assert downloads.csv(listed).decode().splitlines()[1] == '"\'=a, b"'


def test_the_latex_is_a_tabular_with_its_special_characters_escaped():
    lines = downloads.latex(pd.DataFrame(ROWS)).decode().splitlines()
    assert lines[0] == r"\begin{tabular}{lrl}" and lines[-1] == r"\end{tabular}"
    assert lines[4] == r"=cmd\_1 \& 50 \% & 0.123457 & a, =b \\"
    assert all(line.count(" & ") == 2 for line in lines if line.endswith(r"\\"))


def test_the_latex_has_words_for_headings_where_the_csv_has_names():
    table = pd.DataFrame(
        [[1, 0.5, 0.4, 7, "a"]], columns=["num_seeds", "macro_auc", "sample_id", 3, ""]
    )
    head = downloads.latex(table).decode().splitlines()[2]
    assert head == r"Number of seeds & Macro AUC & Sample ID & 3 &  \\"
    assert downloads.csv(table).decode().splitlines()[0] == "num_seeds,macro_auc,sample_id,3,"


def test_a_column_is_as_wide_as_its_longest_text_within_bounds():
    assert text_width(["a", "a" * 20], 300) == 152
    assert (text_width(["a" * 99], 300), text_width([], 300, 96)) == (300, 96)
