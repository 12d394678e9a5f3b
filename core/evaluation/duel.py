"""Duel: two variants image by image. Who is right where, which classes moved, and how much of it is the seeds' luck.

Separate from `comparison.py`, which says whether the difference of the means is real: here every number opens its
images. It leaves out the images themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.alignment import aligned
from core.exceptions import InvalidParameter
from core.predictions import Predictions

PILES = ("both", "only_a", "only_b", "neither")
"""Right in both variants, in one of them, in none; a share of right seeds of exactly one half counts as wrong."""


@dataclass(frozen=True)
class Duel:
    """Two variants on the images that their runs share.

    Attributes:
        a: name of the first variant.
        b: name of the second one.
        num_seeds: runs of each.
        samples: one row an image, by rising sample_id: sample_id, true, true_name, share_a, share_b (share of the
            variant's seeds that are right, in [0, 1]), pile (of `PILES`: right is more than half of the seeds), is_steady
            (all seeds of one variant are right and none of the other).
        piles: one row of each of `PILES`: pile, images, share (of all images).
        classes: one row a class with images, most moved first: class, class_name, images, only_a, only_b (images in
            these piles), moved (only_a - only_b: above 0 where the first variant is the better).
        luck: one row a variant, or no row with one seed each: variant, images (all its seeds right and none of the
            other's), by_chance (the mean of that number over all ways of dealing the runs out to two variants: what seeds
            of one and the same variant would show), disagreeing (mean share of images on which two of its seeds are not
            both right or both wrong; NaN with one seed).
        disagreeing: mean share of images on which a seed of the first and one of the second variant are not both right
            or both wrong.
        sentences: what these numbers say.
    """

    a: str
    b: str
    num_seeds: tuple[int, int]
    samples: pd.DataFrame
    piles: pd.DataFrame
    classes: pd.DataFrame
    luck: pd.DataFrame
    disagreeing: float
    sentences: tuple[str, ...]

    def sample_ids(self, pile: str, class_number: int | None = None) -> list[int]:
        """Return the images of a pile, of one class or of all, by rising sample_id.

        Args:
            pile: one of `PILES`, or "steady_a", "steady_b": those that all seeds of one variant get and none of the other.
            class_number: keep the images of this true class.
        """
        rows = self.samples
        match pile:
            case "steady_a":
                keep = rows["is_steady"] & (rows["share_a"] == 1)
            case "steady_b":
                keep = rows["is_steady"] & (rows["share_b"] == 1)
            case _ if pile in PILES:
                keep = rows["pile"] == pile
            case _:
                known = ", ".join((*PILES, "steady_a", "steady_b"))
                raise InvalidParameter(f"pile must be one of {known}; got {pile!r}.")
        if class_number is not None:
            keep &= rows["true"] == class_number
        return rows.loc[keep, "sample_id"].tolist()


def duel(a: str, runs_a: Sequence[Predictions], b: str, runs_b: Sequence[Predictions]) -> Duel:
    """Compare two variants image by image.

    With several seeds an image that one variant gets and the other does not may be luck: another seed would decide it the
    other way. `luck` therefore holds the images that all seeds of one variant get and none of the other against how many
    there would be if the variant made no difference. Under that hypothesis every way of dealing the runs out to the two
    names is equally likely, so of the images on which exactly as many runs are right as the variant has, one in
    "runs choose seeds" would look like this. The number holds for all images together; which of them are the lucky ones
    nobody can tell.

    Args:
        a: name of the first variant.
        runs_a: predictions of its runs, a run a seed, at least one.
        b: name of the second one, another one.
        runs_b: predictions of its runs.

    Raises:
        InvalidParameter: the names are equal, a variant has no predictions, or they cannot be compared
            (core.evaluation.alignment).
    """
    if a == b:
        raise InvalidParameter(f"A duel needs two different variants; got {a} twice.")
    found = aligned({a: runs_a, b: runs_b})
    for name in (a, b):
        if name not in found.variants:
            raise InvalidParameter(f"A duel needs predictions of both variants; {name} has none.")
    first, second = found.variants[a], found.variants[b]
    right_a, right_b = (np.array([run.is_right for run in runs]) for runs in (first, second))
    samples = _samples(first[0], right_a, right_b)
    classes = _classes(samples)
    piles = pd.DataFrame(
        {"pile": PILES, "images": [int((samples["pile"] == pile).sum()) for pile in PILES]}
    )
    piles["share"] = piles["images"] / len(samples)
    luck = _luck((a, right_a), (b, right_b))
    disagreeing = float(np.mean([one != other for one in right_a for other in right_b]))
    num_seeds = (len(right_a), len(right_b))
    sentences = (*_sentences(a, b, piles, classes, luck, num_seeds), *found.left_out)
    return Duel(a, b, num_seeds, samples, piles, classes, luck, disagreeing, sentences)


def _samples(
    truth: Predictions, right_a: NDArray[np.bool_], right_b: NDArray[np.bool_]
) -> pd.DataFrame:
    count_a, count_b = right_a.sum(axis=0), right_b.sum(axis=0)
    is_a, is_b = 2 * count_a > len(right_a), 2 * count_b > len(right_b)
    piles = np.array(PILES, dtype=object)
    names = np.array(truth.space.class_names, dtype=object)
    all_a, all_b = count_a == len(right_a), count_b == len(right_b)
    table = pd.DataFrame(
        {
            "sample_id": truth.sample_ids,
            "true": truth.labels,
            "true_name": names[truth.labels],
            "share_a": count_a / len(right_a),
            "share_b": count_b / len(right_b),
            "pile": piles[np.where(is_a, np.where(is_b, 0, 1), np.where(is_b, 2, 3))],
            "is_steady": (all_a & (count_b == 0)) | (all_b & (count_a == 0)),
        }
    )
    return table.sort_values("sample_id", kind="stable", ignore_index=True)


def _classes(samples: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "class": number,
            "class_name": part["true_name"].iloc[0],
            "images": len(part),
            "only_a": int((part["pile"] == "only_a").sum()),
            "only_b": int((part["pile"] == "only_b").sum()),
        }
        for number, part in samples.groupby("true")
    ]
    table = pd.DataFrame(rows, columns=["class", "class_name", "images", "only_a", "only_b"])
    table["moved"] = table["only_a"] - table["only_b"]
    order = np.lexsort((table["class"], -table["moved"].abs()))
    return table.iloc[order].reset_index(drop=True)


def _luck(
    first: tuple[str, NDArray[np.bool_]], second: tuple[str, NDArray[np.bool_]]
) -> pd.DataFrame:
    columns = ["variant", "images", "by_chance", "disagreeing"]
    num_runs = len(first[1]) + len(second[1])
    if num_runs == 2:
        return pd.DataFrame(columns=columns)
    num_right = first[1].sum(axis=0) + second[1].sum(axis=0)
    rows = []
    for (name, mine), (_, other) in ((first, second), (second, first)):
        is_steady = mine.all(axis=0) & ~other.any(axis=0)
        candidates = int((num_right == len(mine)).sum())
        rows.append(
            {
                "variant": name,
                "images": int(is_steady.sum()),
                "by_chance": candidates / comb(num_runs, len(mine)),
                "disagreeing": _within(mine),
            }
        )
    return pd.DataFrame(rows, columns=columns)


def _within(right: NDArray[np.bool_]) -> float:
    """Return the mean share of images on which two runs are not both right or both wrong; NaN with one run."""
    number = len(right)
    if number < 2:
        return float("nan")
    count = right.sum(axis=0)
    return float((count * (number - count)).mean() / comb(number, 2))


def _sentences(
    a: str,
    b: str,
    piles: pd.DataFrame,
    classes: pd.DataFrame,
    luck: pd.DataFrame,
    num_seeds: tuple[int, int],
) -> list[str]:
    images = dict(zip(piles["pile"], piles["images"], strict=True))
    seeds = " by the majority of the seeds" if max(num_seeds) > 1 else ""
    sentences = [
        f"Of {sum(images.values()):,} images both are right on {images['both']:,}, only {a} on {images['only_a']:,}, "
        f"only {b} on {images['only_b']:,}, neither on {images['neither']:,}{seeds}."
    ]
    moved = classes.iloc[0]
    if moved["moved"] != 0:
        winner, lost = (a, b) if moved["moved"] > 0 else (b, a)
        more, less = max(moved["only_a"], moved["only_b"]), min(moved["only_a"], moved["only_b"])
        sentences.append(
            f"{moved['class_name']} moved most: {more:,} of its {moved['images']:,} images only {winner} gets right, "
            f"{less:,} only {lost}."
        )
    if luck.empty:
        return [*sentences, "With one seed each, luck cannot be told from skill."]
    seeds_of = dict(zip((a, b), num_seeds, strict=True))
    for row, other in zip(luck.to_dict("records"), (b, a), strict=True):
        right = "with its one seed" if seeds_of[row["variant"]] == 1 else "with every seed"
        wrong = f"{other} is wrong with its one" if seeds_of[other] == 1 else f"{other} with none"
        sentences.append(
            f"{_times(row['images'])} {row['variant']} is right {right} and {wrong}; seeds of one and "
            f"the same variant would show about {_about(row['by_chance'])} by chance."
        )
    return sentences


def _times(images: int) -> str:
    return f"On {images:,} {'image' if images == 1 else 'images'}"


def _about(number: float) -> str:
    return f"{number:,.0f}" if number >= 9.5 or number == 0 else f"{number:.1f}"
