"""Seeds: runs of one variant that differ only in their seed, as one mean and one spread.

Separate because it needs only numbers, one a run, whatever they measure. It leaves out the images, which all seeds
share and whose part of the uncertainty is in `intervals.py`: the interval here is what other seeds would give on these
images.
"""

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from core.exceptions import InvalidParameter, UnknownName

Band = Literal["standard_deviation", "standard_error", "interval", "range"]
BANDS: tuple[Band, ...] = get_args(Band)


def seed_summary(values: Mapping[str, ArrayLike], level: float = 0.95) -> pd.DataFrame:
    """Summarise one number of each run by variant.

    Args:
        values: variant -> one number a seed; NaN where a run has none, which is left out.
        level: coverage of the interval, in (0, 1).

    Returns:
        One row a variant, in the order given: variant, runs (with a number), mean, median, standard_deviation (between
        seeds, divisor runs - 1), standard_error (of the mean), low, high (t interval of the mean over seeds), min, max;
        all in the unit of the values. NaN: all but runs without a number; spread and interval with one seed.

    Raises:
        InvalidParameter: level lies outside (0, 1).
    """
    if not 0 < level < 1:
        raise InvalidParameter(f"level must lie in (0, 1); got {level!r}.")
    rows = []
    for variant, given in values.items():
        numbers = np.asarray(given, dtype=np.float64).reshape(-1, 1)
        mean, low, high = (one.item() for one in seed_band(numbers, "interval", level))
        _, below, above = (one.item() for one in seed_band(numbers, "standard_deviation"))
        _, least, most = (one.item() for one in seed_band(numbers, "range"))
        count = int((~np.isnan(numbers)).sum())
        deviation = (above - below) / 2
        rows.append(
            {
                "variant": variant,
                "runs": count,
                "mean": mean,
                "median": float(np.nanmedian(numbers)) if count else np.nan,
                "standard_deviation": deviation,
                "standard_error": deviation / np.sqrt(count) if count else np.nan,
                "low": low,
                "high": high,
                "min": least,
                "max": most,
            }
        )
    columns = ["variant", "runs", "mean", "median", "standard_deviation", "standard_error"]
    return pd.DataFrame(rows, columns=[*columns, "low", "high", "min", "max"])


def seed_band(
    values: NDArray[np.float64], kind: Band, level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return mean, low and high over seeds, point by point.

    Args:
        values: (S, E) one row a seed; NaN is left out.
        kind: "standard_deviation" and "standard_error" reach as far as they say to both sides of the mean, "interval"
            is the t interval of the mean, "range" goes from the least to the largest seed.
        level: coverage of "interval".

    Returns:
        Three times (E,). All NaN where no seed has a value; low and high NaN where one has, except for "range".

    Raises:
        UnknownName: there is no such band.
    """
    if kind not in BANDS:
        raise UnknownName("band", kind, BANDS)
    is_known = ~np.isnan(values)
    count = is_known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):  # 0 / 0 is the NaN of what is undefined
        mean = np.where(is_known, values, 0).sum(axis=0) / count
        squares = (np.where(is_known, values - mean, 0) ** 2).sum(axis=0)
        deviation = np.sqrt(squares / np.where(count > 1, count - 1, np.nan))
        error = deviation / np.sqrt(count)
    if kind == "range":
        low = np.where(is_known, values, np.inf).min(axis=0, initial=np.inf)
        high = np.where(is_known, values, -np.inf).max(axis=0, initial=-np.inf)
        return mean, np.where(count > 0, low, np.nan), np.where(count > 0, high, np.nan)
    if kind == "standard_deviation":
        half = deviation
    elif kind == "standard_error":
        half = error
    else:
        half = error * stdtrit(np.maximum(count - 1, 1), (1 + level) / 2)
    return mean, mean - half, mean + half
