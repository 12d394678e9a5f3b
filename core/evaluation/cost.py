"""Cost: results beside what they took, and the front of the variants that no other one beats at no greater cost.

Separate from `comparison.py`, which knows no costs. It leaves out where the costs come from.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

COLUMNS = ("variant", "cost", "mean", "low", "high", "is_on_front")


def cost(
    variants: pd.DataFrame, costs: pd.DataFrame, by: str, *, is_higher_better: bool = True
) -> pd.DataFrame:
    """Return each variant's result and one of its costs.

    Args:
        variants: `Comparison.variants`: variant, mean, low, high.
        costs: one row a variant: variant and columns of costs, less being better; NaN where unknown.
        by: the column of the cost.
        is_higher_better: whether more of the result is better.

    Returns:
        One row a variant in the order of `variants`: variant, cost, mean, low, high, is_on_front (`front`; never without a
        cost or a mean). Chance is not asked: a variant may stand on the front by a difference that is not real.
    """
    table = variants[["variant", "mean", "low", "high"]].merge(
        costs[["variant", by]].rename(columns={by: "cost"}), on="variant", how="left"
    )
    values = table["mean"].to_numpy(np.float64)
    costs_of = table["cost"].to_numpy(np.float64)
    table["is_on_front"] = front(costs_of, values if is_higher_better else -values)
    return table[list(COLUMNS)]


def front(costs: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which points no other one dominates: none has a larger value at no greater cost, or an equal one at less.

    Args:
        costs: (V,), less is better.
        values: (V,), more is better. A point with a NaN in either is never on the front and dominates nobody.
    """
    is_known = np.isfinite(costs) & np.isfinite(values)
    is_cheaper_or_equal = costs[:, None] <= costs  # [i, j]: i costs no more than j
    is_better_or_equal = values[:, None] >= values
    is_strict = (costs[:, None] < costs) | (values[:, None] > values)
    dominates = is_cheaper_or_equal & is_better_or_equal & is_strict & is_known[:, None]
    return is_known & ~dominates.any(axis=0)
