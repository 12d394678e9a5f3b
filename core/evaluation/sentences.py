"""Sentences: what the numbers of a comparison say, in plain words.

Separate because page, command line and report must say the same. Every word follows from the numbers; nothing is
computed here. It leaves out verdicts on single variants.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from core.evaluation.intervals import FEWEST_SEEDS
from core.evaluation.scores import Metric

MOST_NAMES = 5


def pair_sentence(pair: Mapping[str, Any], metric: Metric, num_pairs: int, num_images: int) -> str:
    """Say what is known of one pair.

    Args:
        pair: a row of `Comparison.pairs`.
        metric: what was compared.
        num_pairs: tested together.
        num_images: N.
    """
    difference, low, high = (pair[key] for key in ("difference", "low", "high"))
    start = f"{pair['a']} against {pair['b']}: "
    if any(math.isnan(value) for value in (difference, low, high, pair["p"])):
        return f"{start}{metric.label} cannot be compared on these images."
    covers_seeds = pair["covers"] == "images and seeds"
    shown = _signed([difference, low, high], metric)
    interval = "95 % interval" if covers_seeds else "95 % interval over the images alone"
    numbers = f"{shown[0]} {_unit(metric, difference)}, {interval} {shown[1]} to {shown[2]}"
    verdict = _verdict(pair, metric, covers_seeds)
    # The interval is that of the pair by itself: say why it alone does not decide.
    if (low > 0 or high < 0) and not pair["real"] and not pair["networks_differ"]:
        if num_pairs > 1:
            verdict = f"among {num_pairs:,} pairs {verdict} (adjusted p {_p(pair['p_adjusted'])})"
        else:
            verdict = f"{verdict} (p {_p(pair['p'])})"
    if pair["real"]:
        return f"{start}{numbers}: {verdict}."
    return f"{start}{numbers}: {verdict}; {_outlook(pair, metric, covers_seeds, num_images)}."


def ranking_sentence(ranks: Sequence[tuple[str, int, int]], unjudged: Sequence[str] = ()) -> str:
    """Say which variants nothing is really better than, and of which too few seeds keep it from being said.

    Args:
        ranks: (variant, rank, rank_to) as `core.evaluation.ranking` gives them, at least two.
        unjudged: variants with fewer than `FEWEST_SEEDS` seeds, which are not among them: their bars may be the highest.
    """
    said = _ranks(ranks)
    if not unjudged:
        return said
    return (
        f"{said} Too few seeds to say so of {_listed(unjudged)} (it takes at least {FEWEST_SEEDS})."
    )


def _ranks(ranks: Sequence[tuple[str, int, int]]) -> str:
    first = [variant for variant, rank, _ in ranks if rank == 1]
    if len(first) == len(ranks):
        return "No variant is really better than another."
    for variant, _, rank_to in ranks:
        if rank_to == 1:
            return f"{variant} is really better than every other variant."
    return f"No variant is really better than {_listed(first)}."


def _listed(names: Sequence[str]) -> str:
    """Return "a, b or c", the end of a long list as a number."""
    if len(names) > MOST_NAMES:
        names = [*names[:MOST_NAMES], f"{len(names) - MOST_NAMES} more"]
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def standing_sentence(
    reference: str, pairs: Sequence[Mapping[str, Any]], metric: Metric
) -> str | None:
    """Say how many variants are better or worse than one of them, or None where it stands against a single one.

    Args:
        reference: the variant that the others are held against.
        pairs: rows of `Comparison.pairs`, those with the reference.
        metric: what was compared.
    """
    if len(pairs) < 2:
        return None
    better = worse = networks = 0
    for pair in pairs:
        is_other_higher = (pair["difference"] > 0) == (pair["b"] == reference)
        better += bool(pair["real"]) and is_other_higher == metric.is_higher_better
        worse += bool(pair["real"]) and is_other_higher != metric.is_higher_better
        networks += bool(pair["networks_differ"])
    apart = len(pairs) - better - worse - networks
    if apart == len(pairs):
        return f"None of the {apart} others can be told apart from {reference}."
    parts = [
        f"{number} {words}"
        for number, words in (
            (better, f"{_are(better)} really better"),
            (worse, f"{_are(worse)} really worse"),
            (networks, f"{_differ(networks)} (too few seeds to say more)"),
            (apart, "cannot be told apart"),
        )
        if number
    ]
    said = f"{', '.join(parts[:-1])} and {parts[-1]}" if parts[1:] else parts[0]
    return f"Of the {len(pairs)} others, held against {reference}, {said}."


def detectable_sentence(
    detectable: Sequence[float], metric: Metric, num_images: int, num_seeds: Sequence[int]
) -> str:
    """Say which differences the test set and the seeds at hand could show.

    Args:
        detectable: of each pair that covers images and seeds, in the metric's own unit.
        metric: what was compared.
        num_images: N.
        num_seeds: of each variant in these pairs.
    """
    few, many = min(num_seeds), max(num_seeds)
    seeds = f"{few}" if few == many else f"{few} to {many}"
    given = f"With these {num_images:,} images and {seeds} seeds"
    if min(detectable) > metric.highest:
        return f"{given}, no true difference would show in 4 of 5 comparisons."
    low, high = (_plain(value, metric) for value in (min(detectable), max(detectable)))
    unit, end = _unit(metric, max(detectable), plain=True), "."
    if max(detectable) > metric.highest:
        # A number beyond the metric's own range would be read as a number.
        unit = _unit(metric, min(detectable), plain=True)
        size, end = (
            f"{low} {unit} and more, depending on the pair,",
            "; of the least steady pair none would.",
        )
    else:
        size = f"{low} {unit}" if low == high else f"{low} to {high} {unit}, depending on the pair,"
    return f"{given}, a true difference of {size} would show in 4 of 5 comparisons{end}"


def _verdict(pair: Mapping[str, Any], metric: Metric, covers_seeds: bool) -> str:
    if covers_seeds:
        if not pair["real"]:
            return "you cannot tell them apart"
        is_better = (pair["difference"] > 0) == metric.is_higher_better
        return f"{pair['a']} is really {'better' if is_better else 'worse'}"
    two = "two " if pair["num_seeds_a"] == pair["num_seeds_b"] == 1 else ""
    differ = "differ" if pair["networks_differ"] else "cannot be told apart"
    return f"these {two}trained networks {differ}"


def _outlook(pair: Mapping[str, Any], metric: Metric, covers_seeds: bool, num_images: int) -> str:
    if not covers_seeds:
        return f"to compare the variants takes at least {FEWEST_SEEDS} seeds of each"
    number, worth = pair["further_seeds"], pair["worth_settling"] * metric.scale
    question = f"a difference of {worth:g} {_unit(metric, pair['worth_settling'], plain=True)}"
    if number == 0:
        return f"{question} would probably have shown"
    if math.isinf(number):
        return f"no number of seeds would settle {question} on these {num_images:,} images"
    return f"about {number:.0f} more seed{'s' if number != 1 else ''} would settle {question}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _differ(number: int) -> str:
    return "differs as a trained network" if number == 1 else "differ as trained networks"


def _signed(values: Sequence[float], metric: Metric) -> list[str]:
    """Write with a sign, with one more decimal where a number would look like a zero that it is not."""
    scaled = [value * metric.scale for value in values]
    half = 0.5 * 10.0**-metric.decimals
    decimals = metric.decimals + any(0 < abs(value) < half for value in scaled)
    shown = [f"{value:+.{decimals}f}" for value in scaled]
    return [one[1:] if float(one) == 0 else one for one in shown]


def _plain(value: float, metric: Metric) -> str:
    scaled = value * metric.scale
    return f"{scaled:.{metric.decimals + (0 < scaled < 0.5 * 10.0**-metric.decimals)}f}"


def _unit(metric: Metric, value: float, plain: bool = False) -> str:
    """Return the unit, in the singular for exactly one: "1 point", but "+1.0 points"."""
    if plain and value * metric.scale == 1:
        return metric.unit.replace("points", "point", 1).replace("figures", "figure", 1)
    return metric.unit


def _p(value: float) -> str:
    return "below 0.001" if value < 0.001 else f"{value:.2g}"
