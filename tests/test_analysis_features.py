"""Features of layers, the layers that can be asked, and neighbours among them."""

import numpy as np
import pytest
import torch
from torch import nn

from core.analysis import features as module
from core.analysis.features import BODY, layer_choices, split_features, training_samples
from core.analysis.neighbours import nearest, normalised
from core.datasets.base import Dataset, Split
from core.exceptions import IncompatibleModel, InvalidParameter, UnknownName
from core.inference import CPU, Predictor
from core.labels import LabelSpace
from core.models import MODELS
from core.models.forward import build_network, features
from core.models.layers import Classifier

SPACE = LabelSpace(("a", "b"), count_names=("n",), class_counts=((1,), (2,)))
IMAGES = np.random.default_rng(0).integers(0, 256, (7, 1, 6, 6), dtype=np.uint8)


def tiny():
    body = nn.Sequential(
        nn.Conv2d(1, 3, 1), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    network = Classifier(body, 3, 2)
    with torch.no_grad():
        body[0].weight.copy_(torch.tensor([1.0, -1.0, 2.0])[:, None, None, None])
        body[0].bias.zero_()
    return Predictor("tiny", network.eval(), SPACE, (1, 6, 6), False, "none", CPU)


def test_features_of_the_body_are_what_the_classifier_sees():
    mean = IMAGES.reshape(7, -1).mean(axis=1) / 255
    found = split_features(tiny(), IMAGES)
    np.testing.assert_allclose(found, np.stack([mean, 0 * mean, 2 * mean], axis=1), rtol=1e-5)


def test_a_map_counts_by_its_mean_or_its_largest_value_and_in_place_layers_do_no_harm():
    predictor = tiny()
    flat = IMAGES.reshape(7, -1) / 255
    (mean,) = features(predictor.network, "body.0", IMAGES, 10, CPU)
    (largest,) = features(predictor.network, "body.0", IMAGES, 10, CPU, "max")
    np.testing.assert_allclose(mean[:, 1], -flat.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(largest[:, 1], -flat.min(axis=1), rtol=1e-4, atol=1e-6)


def test_features_come_in_the_order_asked_for_and_tell_how_far_they_are():
    told = []
    ids = np.array([5, 0, 3])
    found = split_features(tiny(), IMAGES, BODY, ids, told.append)
    np.testing.assert_array_equal(found, split_features(tiny(), IMAGES)[ids])
    assert told == [1.0]


def test_hooks_and_mode_are_as_before_even_when_nobody_reads_to_the_end():
    network = tiny().network.train()
    part = features(network, BODY, IMAGES, 2, CPU)
    next(part)
    part.close()
    assert network.training and not network.body._forward_hooks


def test_an_unknown_layer_and_other_images_are_refused():
    with pytest.raises(UnknownName, match="No layer is called 'bodi'"):
        split_features(tiny(), IMAGES, "bodi")
    with pytest.raises(IncompatibleModel, match="6x6 pixels"):
        split_features(tiny(), IMAGES[:, :, :5])


@pytest.mark.parametrize("name", MODELS)
def test_every_architecture_has_features_before_its_classifier(name):
    shape = (1, 28, 28)
    network = build_network(MODELS[name](name=name), shape, SPACE, seed=0, is_standardised=True)
    choices = layer_choices(network, shape)
    images = np.zeros((2, *shape), dtype=np.uint8)
    assert choices[0].name == BODY and not choices[0].is_map and len(choices) > 1
    for one in choices:
        (found,) = features(network, one.name, images, 2, CPU)
        assert found.shape == (2, one.num_units), one


def test_of_many_training_images_a_part_is_kept_in_the_classes_proportion(monkeypatch):
    labels = np.repeat([0, 1], [300, 100])
    split = Split(np.zeros((400, 1, 1, 1), np.uint8), labels)
    dataset = Dataset("many", SPACE, {"train": split})
    assert training_samples(dataset, 64).tolist() == list(range(400))
    monkeypatch.setattr(module, "MOST_SAMPLES", 40)
    ids = training_samples(dataset, 64)
    assert np.bincount(labels[ids]).tolist() == [30, 10]
    assert (np.diff(ids) > 0).all()
    # Of a layer so wide that memory ends first, fewer.
    assert len(training_samples(dataset, module.MOST_BYTES // 4 // 8)) == 8


def test_an_image_is_nearest_to_itself():
    values = np.random.default_rng(1).normal(size=(50, 8)).astype(np.float32)
    directions = normalised(values)
    for number in (0, 17, 49):
        places, distances = nearest(directions, values[number] * 3, 5)
        assert places[0] == number and distances[0] == pytest.approx(0, abs=1e-6)
        assert (np.diff(distances) >= 0).all()


def test_distances_are_those_of_the_cosine():
    directions = normalised(np.array([[0, 2], [3, 0], [-1, 0], [0, 0]], dtype=np.float32))
    places, distances = nearest(directions, np.array([1, 0], dtype=np.float32), 12)
    assert places.tolist() == [1, 0, 3, 2]
    np.testing.assert_allclose(distances, [0, 1, 1, 2], atol=1e-6)


def test_features_that_are_not_finite_are_near_to_nothing():
    directions = normalised(np.array([[np.nan, 1], [1, 1]], dtype=np.float32))
    assert np.isfinite(directions).all()
    places, distances = nearest(directions, np.array([np.inf, 0], dtype=np.float32), 2)
    assert places.tolist() == [0, 1] and distances.tolist() == [1, 1]


def test_neighbours_that_cannot_be_asked_for_are_refused():
    with pytest.raises(InvalidParameter, match="wanted must have the 2 features of the others"):
        nearest(np.zeros((3, 2), np.float32), np.zeros(3, np.float32))
    with pytest.raises(InvalidParameter, match="num must be at least 1; got 0"):
        nearest(np.zeros((3, 2), np.float32), np.zeros(2, np.float32), 0)
