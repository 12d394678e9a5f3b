import numpy as np
import pytest

from core.evaluation.accuracy import accuracy
from core.evaluation.cases import cases, joined, share_right
from core.evaluation.samples import samples
from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from core.predictions import NO_PREDICTION, Predictions

SPACE = LabelSpace(("a", "b", "c"))


def drawn(seed, num_samples=50, space=SPACE, first_id=100):
    rng = np.random.default_rng(seed)
    labels = np.random.default_rng(0).integers(0, space.num_classes, num_samples)
    logits = rng.normal(size=(num_samples, space.num_classes)).astype(np.float32)
    return Predictions(space, np.arange(num_samples) + first_id, labels, logits)


def test_the_leading_run_gives_the_answers_as_samples_lists_them():
    lead = drawn(1)
    table = cases({"lead": lead, "other": drawn(2)}).table
    same = samples(lead).sort_values("sample_id", ignore_index=True)
    assert table["sample_id"].tolist() == lead.sample_ids.tolist()
    for name in same.columns:
        assert table[name].tolist() == same[name].tolist(), name


def test_margin_is_the_true_class_less_the_largest_of_the_others():
    space = LabelSpace(("a", "b", "c"))
    logits = np.log(np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]], np.float32))
    table = cases({"run": Predictions(space, np.arange(2), np.array([0, 2]), logits)}).table
    assert table["margin"].tolist() == pytest.approx([0.2, -0.3])


def test_disagreement_is_the_share_that_says_otherwise_than_most():
    answers = {"x": [0, 0, 1], "y": [0, 1, 2], "z": [0, 1, 0]}
    runs = {
        name: Predictions(
            SPACE, np.arange(3), np.zeros(3, int), 9 * np.eye(3, dtype=np.float32)[said]
        )
        for name, said in answers.items()
    }
    table = cases(runs).table
    assert table["disagreement"].tolist() == pytest.approx([0, 1 / 3, 2 / 3])
    assert table["vote_entropy"][2] == pytest.approx(np.log(3))


def test_a_run_in_another_order_of_rows_is_put_into_the_leading_runs():
    lead, other = drawn(1), drawn(2)
    order = np.random.default_rng(9).permutation(len(other))
    mixed = Predictions(SPACE, other.sample_ids[order], other.labels[order], other.logits[order])
    found = cases({"lead": lead, "mixed": mixed})
    assert found.left_out == ()
    assert found.table.equals(cases({"lead": lead, "other": other}).table)
    assert found.runs["mixed"].sample_ids.tolist() == lead.sample_ids.tolist()


def test_runs_about_other_images_are_left_out_by_name():
    relabelled = drawn(2)
    relabelled = Predictions(
        SPACE, relabelled.sample_ids, (relabelled.labels + 1) % 3, relabelled.logits
    )
    found = cases(
        {
            "lead": drawn(1),
            "short": drawn(2, num_samples=49),
            "elsewhere": drawn(2, first_id=500),
            "relabelled": relabelled,
            "foreign": drawn(2, space=LabelSpace(("x", "y", "z"))),
        }
    )
    assert list(found.runs) == ["lead"]
    assert found.left_out == (
        "short left out: it has outputs of 49 images, not of 50.",
        "elsewhere left out: its outputs are of other images.",
        "relabelled left out: the images have other labels there.",
        "foreign left out: it predicts other classes.",
    )


def test_logits_that_are_not_finite_give_no_numbers_and_count_as_wrong():
    logits = np.array([[np.nan, 0, 0], [5, 0, 0]], np.float32)
    table = cases({"run": Predictions(SPACE, np.arange(2), np.zeros(2, int), logits)}).table
    assert table["predicted"].tolist() == [NO_PREDICTION, 0]
    assert table["is_right"].tolist() == [False, True]
    assert table.loc[0, ["confidence", "loss", "margin"]].isna().all()


def test_counts_and_groups_are_columns_where_the_data_has_them():
    space = LabelSpace(("a", "b"), ("x", "y"), ("dots", "bars"))
    truth = np.array([[2, 3], [0, 1]], np.float32)
    found = Predictions(
        space,
        np.arange(2),
        np.array([0, 1]),
        np.eye(2, dtype=np.float32),
        truth,
        truth + np.array([[0.5, -1], [0, 0]], np.float32),
    )
    table = cases({"run": found}).table
    assert table["count_error"].tolist() == [1.5, 0]
    assert table["true_group"].tolist() == ["x", "y"]
    assert cases({"run": drawn(0)}).table["count_error"].isna().all()


def test_one_class_only_is_all_right_with_its_probability_as_margin():
    space = LabelSpace(("only",))
    found = Predictions(space, np.arange(3), np.zeros(3, int), np.zeros((3, 1), np.float32))
    table = cases({"run": found}).table
    assert table["margin"].tolist() == [1, 1, 1] and table["is_right"].all()


def test_no_run_is_refused():
    with pytest.raises(InvalidParameter, match="at least one run"):
        cases({})


def test_a_slice_has_the_accuracy_that_evaluation_gives_it():
    lead = drawn(1)
    number, share, low, high = share_right(cases({"lead": lead}).table)
    expected = accuracy(lead).iloc[0]
    assert (number, share, low, high) == pytest.approx(
        tuple(expected[["samples", "accuracy", "low", "high"]])
    )
    nothing = share_right(cases({"lead": lead}).table.iloc[:0])
    assert nothing[0] == 0 and np.isnan(nothing[1:]).all()


def test_columns_of_another_table_are_joined_by_sample():
    table = cases({"lead": drawn(1)}).table
    other = table[["sample_id"]].iloc[::-2].assign(extra=lambda rows: rows["sample_id"] * 2.0)
    found = joined(table, other, ["extra"])
    assert found["sample_id"].equals(table["sample_id"])
    known = found["extra"].notna()
    assert known.sum() == 25
    assert (found["extra"][known] == found["sample_id"][known] * 2).all()
