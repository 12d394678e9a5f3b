"""A table as a file: CSV and LaTeX, and the two buttons that hand them over, alike beside figures and tables.

Neither text is built before its button is pressed: a page may offer many tables at no cost.
"""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from core.runs.text import formula_safe

_SHORT = {name.lower(): name for name in ("AUC", "F1", "ID")}


def number_buttons(table: Callable[[], pd.DataFrame], key: str, file_name: str) -> None:
    """Show the buttons that save a table as CSV and as LaTeX.

    Args:
        table: returns it when a button is pressed; called outside of the page's run, it must not ask Streamlit for anything.
        key: of the buttons.
        file_name: without its ending; "petridish-" is put in front.
    """
    st.download_button(
        "Numbers (CSV)",
        lambda: csv(table()),
        f"petridish-{file_name}.csv",
        "text/csv",
        key=f"{key}-csv",
        on_click="ignore",
    )
    st.download_button(
        "Numbers (LaTeX)",
        lambda: latex(table()),
        f"petridish-{file_name}.tex",
        "text/x-tex",
        key=f"{key}-tex",
        on_click="ignore",
    )


def csv(table: pd.DataFrame) -> bytes:
    """Return a table as CSV in UTF-8; a text that a spreadsheet would take for a formula is made text by a quote."""
    safe = _listed(table)
    for name in _texts(safe):
        safe[name] = [
            formula_safe(value) if isinstance(value, str) else value for value in safe[name]
        ]
    safe.columns = [formula_safe(str(name)) for name in safe.columns]
    return safe.to_csv(index=False).encode()


def latex(table: pd.DataFrame) -> bytes:
    """Return a table as LaTeX in UTF-8 (package booktabs), its special characters escaped; six significant digits.

    It goes into a text that people read, so its headings are words; a CSV keeps the names that programs read.
    """
    named = _listed(table).rename(columns=lambda name: _heading(str(name)))
    return named.to_latex(index=False, escape=True, na_rep="", float_format="%.6g").encode()


def _heading(name: str) -> str:
    words = [_SHORT.get(word, word) for word in name.split("_")]
    if words[0] == "num":
        words[:1] = ["number", "of"]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def _listed(table: pd.DataFrame) -> pd.DataFrame:
    """Return a copy in which a cell with several values is a text: "a, b"."""
    listed = table.copy()
    for name in _texts(listed):
        listed[name] = [
            ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
            for value in listed[name]
        ]
    return listed


def _texts(table: pd.DataFrame) -> pd.Index:
    return table.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in table.dtypes]]
