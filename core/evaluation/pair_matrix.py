"""Pair matrix: every variant against every other one, as the cells of a square.

Separate from `comparison.py`, whose table has each pair once: a reader of a matrix starts at any row. It leaves out how
the numbers came about.
"""

import pandas as pd

from core.evaluation.comparison import Comparison

COLUMNS = ("row", "column", "difference", "low", "high", "p_adjusted", "real", "networks_differ")


def pair_matrix(comparison: Comparison) -> pd.DataFrame:
    """Return each pair from both sides.

    Returns:
        V * (V - 1) rows, best variant first: row, column, difference (mean of row - mean of column, in the metric's own
        unit), low, high (95 % interval of this pair by itself), p_adjusted (Holm over all pairs), real, networks_differ.
    """
    both = []
    for pair in comparison.pairs.to_dict("records"):
        shared = {name: pair[name] for name in ("p_adjusted", "real", "networks_differ")}
        numbers = pair["difference"], pair["low"], pair["high"]
        turned = -pair["difference"], -pair["high"], -pair["low"]
        for row, column, (difference, low, high) in (
            (pair["a"], pair["b"], numbers),
            (pair["b"], pair["a"], turned),
        ):
            cell = {
                "row": row,
                "column": column,
                "difference": difference,
                "low": low,
                "high": high,
            }
            both.append(cell | shared)
    table = pd.DataFrame(both, columns=list(COLUMNS))
    place = {name: number for number, name in enumerate(comparison.variants["variant"])}
    order = sorted(
        range(len(table)), key=lambda at: (place[both[at]["row"]], place[both[at]["column"]])
    )
    return table.iloc[order].reset_index(drop=True)
