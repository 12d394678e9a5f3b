import numpy as np
import pytest

from core.datasets.shapes import label_space
from core.evaluation.confusion_matrix import confusion_matrix
from core.evaluation.folding import clusters, folded, folds
from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from core.predictions import Predictions

SHAPES = label_space()


def answered(labels, answers, space):
    logits = np.eye(space.num_classes, dtype=np.float32)[np.asarray(answers, dtype=int)]
    logits = logits.reshape(len(labels), space.num_classes)
    return Predictions(space, np.arange(len(labels)), np.asarray(labels, dtype=np.int64), logits)


def drawn(space, num_samples=800, seed=0):
    rng = np.random.default_rng(seed)
    return answered(*rng.integers(0, space.num_classes, (2, num_samples)), space)


def square(table, column="count"):
    size = int(table["true"].max()) + 1
    return table[column].to_numpy().reshape(size, size)


def test_shapes_fold_into_classes_pairs_and_types():
    found = folds(SHAPES)
    assert [(one.kind, len(one)) for one in found.values()] == [
        ("classes", 135),
        ("groups", 15),
        ("types", 6),
    ]
    assert found["groups"].members[0] == tuple(range(9))
    assert {len(classes) for classes in found["types"].members} == {45}
    assert list(folds(LabelSpace(("a", "b")))) == ["classes"]


def test_single_classes_fold_into_the_confusion_matrix_itself():
    predictions = drawn(SHAPES)
    table, expected = folded(predictions, folds(SHAPES)["classes"]), confusion_matrix(predictions)
    assert table.equals(expected)


def test_groups_add_up_their_classes():
    predictions = drawn(SHAPES)
    table = folded(predictions, folds(SHAPES)["groups"])
    counts = square(confusion_matrix(predictions))
    assert (square(table) == counts.reshape(15, 9, 15, 9).sum(axis=(1, 3))).all()
    assert table["share_of_all"].sum() == pytest.approx(1)
    assert table.groupby("true")["share_of_true"].sum().to_list() == pytest.approx([1] * 15)


@pytest.mark.parametrize("kind", ["classes", "groups", "types"])
def test_a_cell_counts_exactly_the_samples_of_its_classes(kind):
    predictions, fold = drawn(SHAPES), folds(SHAPES)[kind]
    table = folded(predictions, fold)
    for row in table[table["count"] > 0].sample(20, random_state=0).to_dict("records"):
        true, predicted = fold.cell(row["true"], row["predicted"])
        inside = np.isin(predictions.labels, true) & np.isin(predictions.predicted, predicted)
        assert inside.sum() == row["count"]


def test_a_type_is_taken_for_another_where_one_is_missed_and_the_other_seen():
    names = list(SHAPES.class_names)
    true = names.index("3 squares + 7 circles")
    predicted = names.index("3 squares + 7 up")
    table = folded(answered([true], [predicted], SHAPES), folds(SHAPES)["types"])
    filled = table[table["count"] > 0]
    cells = list(zip(filled["true_name"], filled["predicted_name"], strict=True))
    assert cells == [("squares", "squares"), ("circles", "up")]


def test_clusters_join_the_classes_that_are_taken_for_each_other():
    space = LabelSpace(tuple("abcde"))
    labels = [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4
    answers = [0, 0, 3, 3] + [1] * 4 + [2, 2, 2, 4] + [3, 3, 0, 0] + [4, 4, 2, 2]
    predictions = answered(labels, answers, space)
    assert clusters(predictions, 3).members == ((0, 3), (1,), (2, 4))
    assert clusters(predictions, 3).text == "clusters-3"
    assert clusters(predictions, 1).members == ((0, 1, 2, 3, 4),)
    assert clusters(predictions, 5).names == tuple("abcde")


@pytest.mark.parametrize("num_groups", range(1, 8))
def test_there_are_as_many_clusters_as_asked_also_without_any_sample(num_groups):
    space = LabelSpace(tuple("abcdefg"))
    for predictions in (drawn(space, 90), answered([], [], space)):
        found = clusters(predictions, num_groups)
        assert len(found) == num_groups
        assert sorted(sum(found.members, ())) == list(range(7))


def test_a_number_of_clusters_that_cannot_be_is_refused():
    with pytest.raises(InvalidParameter, match=r"num_groups must lie in \[1, 2\]; got 3\."):
        clusters(answered([0], [1], LabelSpace(("a", "b"))), 3)


def test_one_class_alone_folds():
    predictions = answered([0, 0], [0, 0], LabelSpace(("only",)))
    assert folded(predictions, clusters(predictions, 1))["count"].to_list() == [2]
