import numpy as np
import pytest

from core.evaluation.alignment import aligned
from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from core.predictions import Predictions


def run_of(ids, labels=None, logits=None, names="ab", counts=None):
    ids = np.array(ids)
    labels = ids % 2 if labels is None else np.array(labels)
    logits = np.eye(len(names), dtype=np.float32)[labels] if logits is None else logits
    count_labels = None if counts is None else np.zeros_like(counts)
    count_names = () if counts is None else ("figures",)
    space = LabelSpace(tuple(names), count_names=count_names)
    return Predictions(space, ids, labels, logits, count_labels, counts)


def noise(num, seed):
    return np.random.default_rng(seed).normal(size=(num, 2)).astype(np.float32)


def test_runs_on_the_same_images_stay_as_they_are():
    runs = [run_of([3, 4, 5], logits=noise(3, seed)) for seed in range(3)]
    found = aligned({"deep": runs[:2], "base": runs[2:]})
    assert found.variants == {"deep": tuple(runs[:2]), "base": (runs[2],)}
    assert (found.num_images, found.left_out) == (3, ())


def test_runs_are_cut_to_the_images_that_all_share_and_it_is_said():
    logits = noise(4, 0)
    found = aligned({"deep": [run_of([9, 1, 5, 2], logits=logits)], "base": [run_of([1, 2, 3, 9])]})
    (deep,), (base,) = found.variants.values()
    assert deep.sample_ids.tolist() == base.sample_ids.tolist() == [1, 2, 9]
    assert deep.logits.tolist() == logits[[1, 3, 0]].tolist()
    assert base.labels.tolist() == [1, 0, 1]
    assert found.left_out == ("Compared on the 3 images that all runs share, of up to 4.",)


def test_what_is_missing_is_left_out_by_name():
    run = run_of([0, 1])
    found = aligned(
        {"deep": [None, run, None], "base": [None], "wide": [], "sgd": [run_of([0, 1])]}
    )
    assert list(found.variants) == ["deep", "sgd"]
    assert found.left_out == (
        "deep: 2 of 3 runs left out: no predictions.",
        "base: 1 of 1 runs left out: no predictions.",
        "wide left out: no runs.",
    )


def test_one_seed_trained_twice_counts_once():
    logits = noise(4, 0)
    runs = [run_of(range(4), logits=one) for one in (logits, logits.copy(), noise(4, 1))]
    found = aligned({"deep": runs})
    assert len(found.variants["deep"]) == 2
    assert found.left_out == (
        "deep: 1 of 3 runs left out: the very outputs of another run, as if one seed was trained twice.",
    )


def test_a_comparison_of_counts_leaves_out_runs_without_them():
    counts = np.ones((2, 1), np.float32)
    plain = run_of([0, 1], counts=counts)
    other = Predictions(plain.space, plain.sample_ids, plain.labels, plain.logits)
    found = aligned({"deep": [plain], "base": [other]}, with_counts=True)
    assert list(found.variants) == ["deep"]
    assert found.left_out == ("base: 1 of 1 runs left out: no predicted counts.",)


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (
            run_of([0, 1], labels=[1, 1]),
            "disagree on the true class of 1 images, first on sample 0: ",
        ),
        (
            run_of([0, 1], names="abc"),
            r"do not predict the same classes and counts \(2 and 3 classes\)",
        ),
        (run_of([1, 2]), "must share at least 2 images; they share 1."),
        (run_of([7, 8]), "must share at least 2 images; they share 0."),
    ],
)
def test_runs_on_different_data_are_refused_with_the_reason(other, text):
    with pytest.raises(InvalidParameter, match=text):
        aligned({"deep": [run_of([0, 1])], "base": [other]})


def test_without_any_run_there_is_nothing_to_compare():
    with pytest.raises(InvalidParameter, match="needs a run with predictions; none of 2 variants"):
        aligned({"deep": [None], "base": []})
