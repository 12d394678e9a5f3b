import math

import pytest

from core.evaluation.scores import METRICS
from core.evaluation.sentences import (
    detectable_sentence,
    pair_sentence,
    ranking_sentence,
    standing_sentence,
)

PAIR = {
    "a": "deep",
    "b": "base",
    "difference": 0.003,
    "low": -0.004,
    "high": 0.010,
    "p": 0.4,
    "p_adjusted": 0.4,
    "real": False,
    "networks_differ": False,
    "covers": "images and seeds",
    "num_seeds_a": 3,
    "num_seeds_b": 3,
    "further_seeds": 4.0,
    "worth_settling": 0.01,
}
IMAGES = {"covers": "images", "num_seeds_a": 1, "num_seeds_b": 1, "further_seeds": math.nan}
REAL = {"difference": 0.013, "low": 0.009, "high": 0.017, "real": True, "p_adjusted": 0.001}


def said(metric="accuracy", num_pairs=1, **changes):
    return pair_sentence(PAIR | changes, METRICS[metric], num_pairs, 10_500)


START = "deep against base: +0.3 points, 95 % interval -0.4 to +1.0: you cannot tell them apart; "


@pytest.mark.parametrize(
    ("further", "end"),
    [
        (4.0, "about 4 more seeds would settle a difference of 1 point."),
        (1.0, "about 1 more seed would settle a difference of 1 point."),
        (0.0, "a difference of 1 point would probably have shown."),
        (
            math.inf,
            "no number of seeds would settle a difference of 1 point on these 10,500 images.",
        ),
    ],
)
def test_variants_that_cannot_be_told_apart(further, end):
    assert said(further_seeds=further) == START + end


@pytest.mark.parametrize(
    ("worth", "question"), [(0.005, "0.5 points"), (0.02, "2 points"), (0.01, "1 point")]
)
def test_the_difference_in_question_is_said_in_points(worth, question):
    assert said(worth_settling=worth).endswith(f"would settle a difference of {question}.")


def test_a_real_difference():
    text = "deep against base: +1.3 points, 95 % interval +0.9 to +1.7: deep is really better."
    assert said(**REAL) == text
    worse = {"difference": -0.013, "low": -0.017, "high": -0.009}
    text = "deep against base: -1.3 points, 95 % interval -1.7 to -0.9: deep is really worse."
    assert said(**REAL | worse) == text


def test_of_errors_less_is_better():
    numbers = {"difference": -0.12, "low": -0.2, "high": -0.04, "real": True}
    assert said("rmse", **numbers) == (
        "deep against base: -0.12 figures of RMSE, 95 % interval -0.20 to -0.04: deep is really better."
    )


def test_other_metrics_are_named():
    assert said("macro_f1") == (
        "deep against base: +0.3 points of macro F1, 95 % interval -0.4 to +1.0: you cannot tell them apart; "
        "about 4 more seeds would settle a difference of 1 point of macro F1."
    )
    assert "+0.3 points of AUC, 95 %" in said("auc")


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"networks_differ": True}, "these two trained networks differ"),
        ({}, "these two trained networks cannot be told apart (p 0.051)"),
        ({"num_seeds_a": 2, "networks_differ": True}, "these trained networks differ"),
    ],
)
def test_with_fewer_than_three_seeds_only_the_networks_are_judged(changes, verdict):
    numbers = {"difference": 0.009, "low": 0.004, "high": 0.014, "p": 0.051, "p_adjusted": 0.051}
    assert said(**IMAGES | numbers | changes) == (
        "deep against base: +0.9 points, 95 % interval over the images alone +0.4 to +1.4: "
        f"{verdict}; to compare the variants takes at least 3 seeds of each."
    )


def test_among_many_pairs_an_interval_beside_zero_is_explained():
    numbers = {"difference": 0.005, "low": 0.001, "high": 0.009, "p": 0.01, "p_adjusted": 0.21}
    assert said(num_pairs=21, **numbers) == (
        "deep against base: +0.5 points, 95 % interval +0.1 to +0.9: among 21 pairs you cannot tell them apart "
        "(adjusted p 0.21); about 4 more seeds would settle a difference of 1 point."
    )


def test_a_small_number_is_not_shown_as_zero_nor_zero_with_a_sign():
    text = said(difference=0.004, low=0.0002, high=0.0078, real=True)
    assert "+0.40 points, 95 % interval +0.02 to +0.78: deep" in text
    assert "0.0 points, 95 % interval -0.4 to +1.0" in said(difference=0.0)


def test_numbers_that_do_not_exist_are_not_shown():
    text = "deep against base: AUC cannot be compared on these images."
    assert said("auc", low=math.nan) == text


@pytest.mark.parametrize(
    ("ranks", "text"),
    [
        ([("a", 1, 2), ("b", 1, 2)], "No variant is really better than another."),
        ([("a", 1, 1), ("b", 2, 2)], "a is really better than every other variant."),
        ([("a", 1, 2), ("b", 1, 3), ("c", 2, 3)], "No variant is really better than a or b."),
        (
            [(name, 1, 8) for name in "abcdefg"] + [("h", 8, 8)],
            "No variant is really better than a, b, c, d, e or 2 more.",
        ),
    ],
)
def test_ranks_are_said_in_one_sentence(ranks, text):
    assert ranking_sentence(ranks) == text


def test_variants_of_too_few_seeds_to_be_ranked_are_named_beside_the_best():
    ranks = [("a", 1, 2), ("b", 2, 3)]
    assert ranking_sentence(ranks, ["c"]) == (
        "No variant is really better than a. Too few seeds to say so of c (it takes at least 3)."
    )
    assert ranking_sentence(ranks, list("cdefghi")).endswith(
        "Too few seeds to say so of c, d, e, f, g or 2 more (it takes at least 3)."
    )


def test_what_could_have_been_found_is_said():
    assert detectable_sentence([0.0061, 0.0062], METRICS["accuracy"], 10_500, [5, 5]) == (
        "With these 10,500 images and 5 seeds, a true difference of 0.6 points would show in 4 of 5 comparisons."
    )
    assert detectable_sentence([0.006, 0.0123], METRICS["accuracy"], 1_000, [3, 5, 4]) == (
        "With these 1,000 images and 3 to 5 seeds, a true difference of 0.6 to 1.2 points, depending on the pair, would show in 4 of 5 comparisons."
    )


def test_what_no_difference_could_show_is_not_said_as_a_number():
    assert detectable_sentence([0.033, 2.782], METRICS["accuracy"], 10_500, [3]) == (
        "With these 10,500 images and 3 seeds, a true difference of 3.3 points and more, depending on the pair, "
        "would show in 4 of 5 comparisons; of the least steady pair none would."
    )
    assert detectable_sentence([1.2, math.inf], METRICS["accuracy"], 100, [3]) == (
        "With these 100 images and 3 seeds, no true difference would show in 4 of 5 comparisons."
    )


def others(*differences, real=(), networks=()):
    """Pairs of a reference, "base", that is the second of all but the first pair."""
    return [
        {"a": "base" if place == 0 else f"v{place}", "b": "v0" if place == 0 else "base"}
        | {"difference": difference, "real": place in real, "networks_differ": place in networks}
        for place, difference in enumerate(differences)
    ]


@pytest.mark.parametrize(
    ("pairs", "metric", "text"),
    [
        (others(0.1), "accuracy", None),
        (others(0.1, 0.2), "accuracy", "None of the 2 others can be told apart from base."),
        (
            others(0.1, 0.2, 0.3, 0.0, real=(0, 1, 2)),
            "accuracy",
            "Of the 4 others, held against base, 2 are really better, 1 is really worse and 1 cannot be told apart.",
        ),
        (
            others(0.1, 0.2, real=(0, 1)),
            "rmse",
            "Of the 2 others, held against base, 1 is really better and 1 is really worse.",
        ),
        (
            others(0.1, 0.2, networks=(0, 1)),
            "accuracy",
            "Of the 2 others, held against base, 2 differ as trained networks (too few seeds to say more).",
        ),
        (
            others(0.1, 0.2, real=(0,), networks=(1,)),
            "accuracy",
            "Of the 2 others, held against base, 1 is really worse and 1 differs as a trained network (too few seeds to "
            "say more).",
        ),
    ],
)
def test_how_the_others_stand_is_said_in_one_sentence(pairs, metric, text):
    assert standing_sentence("base", pairs, METRICS[metric]) == text
