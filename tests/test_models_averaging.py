import numpy as np
import pytest
import torch

from core.augmentations.symmetries import transformed
from core.datasets.shapes import label_space
from core.exceptions import InvalidParameter
from core.labels import LabelRules, LabelSpace, Moves
from core.models.averaging import allowed_symmetries, averaged
from core.models.dense import Dense
from core.models.forward import build_network, predict
from core.models.shapes_net import ShapesNet

CPU = torch.device("cpu")
SPACE = label_space()
ALL = tuple(range(8))
SQUARE = (1, 28, 28)
IMAGES = np.random.default_rng(0).integers(0, 2, (7, 1, 28, 28), dtype=np.uint8) * 255


@pytest.fixture(scope="module")
def network():
    architecture = ShapesNet(channels=8, num_blocks=1, num_features=16, hidden_features=16)
    return build_network(architecture, SQUARE, SPACE, seed=0)


def turned(symmetry):
    return transformed(torch.from_numpy(IMAGES), torch.full((len(IMAGES),), symmetry))


def softmax(logits):
    return torch.from_numpy(logits).double().softmax(dim=1).numpy()


def space(moves=None, **unsafe):
    return LabelSpace(("a", "b"), rules=LabelRules(moves or Moves(), unsafe=unsafe))


def test_the_image_as_it_is_keeps_its_probabilities_and_counts(network):
    logits, counts = predict(network, IMAGES, 7, CPU)
    log_probabilities, mean_counts = averaged(network, IMAGES, SPACE, (0,), 7, CPU)
    np.testing.assert_allclose(np.exp(log_probabilities), softmax(logits), rtol=1e-5)
    np.testing.assert_allclose(mean_counts, counts, rtol=1e-5)


@pytest.mark.parametrize("symmetry", ALL)
def test_what_a_view_says_of_a_label_s_counterpart_is_said_of_the_label(network, symmetry):
    seen, seen_counts = predict(network, turned(symmetry), 7, CPU)
    log_probabilities, counts = averaged(network, IMAGES, SPACE, (symmetry,), 7, CPU)
    becomes = SPACE.rules.classes.table(SPACE.num_classes)[symmetry]
    for label, counterpart in enumerate(becomes):
        np.testing.assert_allclose(
            np.exp(log_probabilities[:, label]), softmax(seen)[:, counterpart], rtol=1e-4
        )
    for number, counterpart in enumerate(SPACE.rules.counts.table(SPACE.num_counts)[symmetry]):
        np.testing.assert_allclose(counts[:, number], seen_counts[:, counterpart], rtol=1e-4)


@pytest.mark.parametrize("symmetry", ALL)
def test_over_all_symmetries_a_moved_image_gets_the_moved_answer(network, symmetry):
    log_probabilities, counts = averaged(network, IMAGES, SPACE, ALL, 7, CPU)
    moved, moved_counts = averaged(network, turned(symmetry), SPACE, ALL, 7, CPU)
    becomes = SPACE.rules.classes.table(SPACE.num_classes)[symmetry]
    np.testing.assert_allclose(moved[:, becomes], log_probabilities, rtol=1e-4)
    becomes = SPACE.rules.counts.table(SPACE.num_counts)[symmetry]
    np.testing.assert_allclose(moved_counts[:, becomes], counts, rtol=1e-4, atol=1e-5)


def test_probabilities_are_averaged_and_counts_too(network):
    views = [averaged(network, IMAGES, SPACE, (one,), 7, CPU) for one in ALL]
    log_probabilities, counts = averaged(network, IMAGES, SPACE, ALL, 7, CPU)
    assert log_probabilities.dtype == counts.dtype == np.float32
    expected = np.mean([np.exp(view) for view, _ in views], axis=0)
    np.testing.assert_allclose(np.exp(log_probabilities), expected, rtol=1e-4)
    np.testing.assert_allclose(np.exp(log_probabilities).sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(counts, np.mean([seen for _, seen in views], axis=0), rtol=1e-4)


def test_the_batch_size_and_the_kind_of_array_make_no_difference(network):
    whole = averaged(network, IMAGES, SPACE, ALL, 7, CPU)
    parts = averaged(network, torch.from_numpy(IMAGES), SPACE, ALL, 3, CPU)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_impossible_classes_stay_finite():
    network = build_network(Dense(hidden_layers=()), SQUARE, space(), seed=0)
    with torch.no_grad():
        network.class_head.bias.copy_(torch.tensor([0.0, -5000.0]))
    log_probabilities, counts = averaged(network, IMAGES, space(), (0, 4), 7, CPU)
    assert np.isfinite(log_probabilities).all()
    assert log_probabilities[:, 1].max() < -4000
    assert counts is None


def test_no_number_stays_none():
    network = build_network(Dense(hidden_layers=()), SQUARE, space(), seed=0)
    with torch.no_grad():
        network.class_head.bias.fill_(float("inf"))
    log_probabilities, _ = averaged(network, IMAGES, space(), (0, 4), 7, CPU)
    assert np.isnan(log_probabilities).all()


def test_no_images_give_no_answers(network):
    log_probabilities, counts = averaged(network, IMAGES[:0], SPACE, ALL, 7, CPU)
    assert log_probabilities.shape == (0, 135) and counts.shape == (0, 6)


@pytest.mark.parametrize("symmetries", [(), (0, 8), (-1,)])
def test_numbers_that_are_no_symmetries_are_refused(network, symmetries):
    with pytest.raises(InvalidParameter, match=r"symmetries must be numbers in \[0, 7\]"):
        averaged(network, IMAGES, SPACE, symmetries, 7, CPU)


def test_only_square_images_are_turned():
    network = build_network(Dense(), (1, 28, 20), space(), seed=0)
    with pytest.raises(
        InvalidParameter, match="need square images; these have 28 rows and 20 columns"
    ):
        averaged(network, IMAGES[..., :20], space(), (0, 1), 7, CPU)
    assert averaged(network, IMAGES[..., :20], space(), (0, 2, 4, 6), 7, CPU)[0].shape == (7, 2)


@pytest.mark.parametrize(
    ("unsafe", "expected"),
    [
        ((), ALL),
        (("quarter_turn",), (0, 2, 4, 6)),
        (("vertical_flip", "quarter_turn"), (0, 4)),
        (("horizontal_flip", "quarter_turn"), (0, 6)),
        (("horizontal_flip", "vertical_flip"), (0, 1, 2, 3)),
        (("vertical_flip",), ALL),
        (("horizontal_flip", "vertical_flip", "quarter_turn"), (0,)),
        (("displacement", "intensity"), ALL),
    ],
)
def test_all_symmetries_are_those_that_safe_changes_make(unsafe, expected):
    rules = space(**dict.fromkeys(unsafe, "labels would be wrong"))
    assert allowed_symmetries(rules, "symmetries", SQUARE) == expected


def test_images_that_are_not_square_are_only_flipped():
    assert allowed_symmetries(space(), "symmetries", (1, 28, 20)) == (0, 2, 4, 6)
    assert allowed_symmetries(space(), "horizontal-flip", (1, 28, 20)) == (0, 4)


def test_the_mirror_image_alone_is_taken_where_it_is_safe():
    assert allowed_symmetries(space(), "horizontal-flip", SQUARE) == (0, 4)
    unsafe = space(horizontal_flip="letters would be mirrored")
    assert allowed_symmetries(unsafe, "horizontal-flip", SQUARE) == (0,)


def test_none_is_the_image_as_it_is():
    assert allowed_symmetries(SPACE, "none", SQUARE) == (0,)
