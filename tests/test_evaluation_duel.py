from itertools import combinations

import numpy as np
import pytest

from core.evaluation.duel import PILES, duel
from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from core.predictions import Predictions

LABELS = np.array([0, 0, 0, 1, 1, 2])


def made(is_right, sure=1.0, ids=None):
    is_right = np.asarray(is_right, dtype=bool)
    labels = LABELS[: len(is_right)]
    logits = np.eye(3, dtype=np.float32)[np.where(is_right, labels, (labels + 1) % 3)] * sure
    ids = np.arange(len(labels)) if ids is None else np.asarray(ids)
    return Predictions(LabelSpace(("cat", "dog", "eel")), ids, labels, logits)


def several(rows):
    return [made(row, 1 + place) for place, row in enumerate(rows)]


A = [1, 1, 1, 1, 0, 0]
B = [1, 0, 0, 0, 1, 0]


def test_every_image_lies_in_one_of_four_piles():
    found = duel("a", [made(A)], "b", [made(B)])
    assert found.piles["pile"].tolist() == list(PILES)
    assert found.piles["images"].tolist() == [1, 3, 1, 1]
    assert found.piles["share"].tolist() == [1 / 6, 3 / 6, 1 / 6, 1 / 6]
    assert [found.sample_ids(pile) for pile in PILES] == [[0], [1, 2, 3], [4], [5]]
    assert found.sample_ids("only_a", 0) == [1, 2]
    with pytest.raises(InvalidParameter, match="pile must be one of both, only_a"):
        found.sample_ids("only_c")


def test_classes_are_ordered_by_how_far_they_moved():
    classes = duel("a", [made(A)], "b", [made(B)]).classes
    assert classes[["class_name", "images", "only_a", "only_b", "moved"]].values.tolist() == [
        ["cat", 3, 2, 0, 2],
        ["dog", 2, 1, 1, 0],
        ["eel", 1, 0, 0, 0],
    ]


def test_with_several_seeds_more_than_half_decide():
    runs = several([[1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0]])
    found = duel("a", runs, "b", several([[0] * 6, [1] * 6]))
    assert found.samples["share_a"].tolist() == [1, 2 / 3, 2 / 3, 0, 0, 0]
    # Of two seeds one is no majority.
    assert found.samples["share_b"].tolist() == [0.5] * 6
    assert found.sample_ids("only_a") == [0, 1, 2]
    assert found.sample_ids("neither") == [3, 4, 5]
    assert found.num_seeds == (3, 2)


def test_luck_is_the_mean_over_all_ways_of_dealing_out_the_runs():
    rng = np.random.default_rng(0)
    runs = several(rng.random((5, 6)) < 0.5)
    found = duel("a", runs[:3], "b", runs[3:]).luck.set_index("variant")
    right = np.array([run.is_right for run in runs])
    steady = []
    for mine in combinations(range(5), 3):
        other = [place for place in range(5) if place not in mine]
        steady.append(
            (
                (right[list(mine)].all(axis=0) & ~right[other].any(axis=0)).sum(),
                (right[other].all(axis=0) & ~right[list(mine)].any(axis=0)).sum(),
            )
        )
    assert found["images"].tolist() == list(steady[0])
    np.testing.assert_allclose(found["by_chance"], np.mean(steady, axis=0))


def test_disagreement_is_the_mean_over_pairs_of_runs():
    runs = several([[1, 1, 1, 0, 0, 0], [1, 1, 0, 1, 0, 0], [0, 0, 0, 0, 0, 1]])
    found = duel("a", runs[:2], "b", runs[2:])
    assert found.luck["disagreeing"].iloc[0] == pytest.approx(2 / 6)
    assert np.isnan(found.luck["disagreeing"].iloc[1])
    assert found.disagreeing == pytest.approx((4 / 6 + 4 / 6) / 2)


def test_steady_images_are_those_of_all_seeds_against_none():
    runs = several([[1, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 1], [0, 0, 0, 1, 1, 0]])
    found = duel("a", runs[:2], "b", runs[2:])
    assert (found.sample_ids("steady_a"), found.sample_ids("steady_b")) == ([0], [3])


def test_the_sentences_say_what_was_counted():
    assert duel("a", [made(A)], "b", [made(B)]).sentences == (
        "Of 6 images both are right on 1, only a on 3, only b on 1, neither on 1.",
        "cat moved most: 2 of its 3 images only a gets right, 0 only b.",
        "With one seed each, luck cannot be told from skill.",
    )
    runs = several([A, A, B, B])
    assert duel("a", runs[:2], "b", runs[2:]).sentences == (
        "Of 6 images both are right on 1, only a on 3, only b on 1, neither on 1 by the majority of the seeds.",
        "cat moved most: 2 of its 3 images only a gets right, 0 only b.",
        "On 3 images a is right with every seed and b with none; seeds of one and the same variant would show about 0.7 "
        "by chance.",
        "On 1 image b is right with every seed and a with none; seeds of one and the same variant would show about 0.7 "
        "by chance.",
    )


def test_of_a_variant_with_one_seed_it_is_not_said_that_every_seed_is_right():
    runs = several([A, B, B])
    *_, first, second = duel("a", runs[:1], "b", runs[1:]).sentences
    assert first.startswith("On 3 images a is right with its one seed and b with none; seeds of")
    assert second.startswith("On 1 image b is right with every seed and a is wrong with its one; ")


def test_only_shared_images_count_and_it_says_so():
    found = duel("a", [made(A)], "b", [made(B[:4])])
    assert found.samples["sample_id"].tolist() == [0, 1, 2, 3]
    assert found.sentences[-1] == "Compared on the 4 images that all runs share, of up to 6."


def test_a_duel_needs_two_variants_with_predictions():
    with pytest.raises(InvalidParameter, match="two different variants; got a twice"):
        duel("a", [made(A)], "a", [made(B)])
    with pytest.raises(InvalidParameter, match="predictions of both variants; b has none"):
        duel("a", [made(A)], "b", [])
