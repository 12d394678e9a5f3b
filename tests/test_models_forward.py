import numpy as np
import pytest
import torch

from core.datasets.shapes import label_space
from core.labels import LabelSpace
from core.models.convolutional import Convolutional
from core.models.dense import Dense
from core.models.forward import build_network, predict, to_input
from core.models.shapes_net import ShapesNet

CPU = torch.device("cpu")
IMAGES = np.random.default_rng(0).integers(0, 256, (10, 1, 28, 28), dtype=np.uint8)


def test_building_leaves_the_global_generator_alone():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    build_network(Dense(), (1, 8, 8), LabelSpace(("a", "b")), seed=5)
    assert torch.equal(torch.rand(3), expected)


def test_convolutions_are_laid_out_with_channels_last():
    network = build_network(Convolutional(), (1, 28, 28), LabelSpace(("a", "b")), seed=0)
    assert network.body[3].weight.is_contiguous(memory_format=torch.channels_last)


def test_black_becomes_zero_and_white_one():
    pixels = torch.tensor([0, 51, 255], dtype=torch.uint8)
    values = to_input(pixels)
    assert values.dtype == torch.float32
    assert values.tolist() == pytest.approx([0, 0.2, 1])
    assert pixels.tolist() == [0, 51, 255]


def test_predictions_come_in_the_order_of_the_images_whatever_the_batch():
    network = build_network(ShapesNet(), (1, 28, 28), label_space(), seed=0)
    whole_logits, whole_counts = predict(network, IMAGES, 10, CPU)
    logits, counts = predict(network, torch.from_numpy(IMAGES), 3, CPU)
    assert logits.shape == (10, 135) and counts.shape == (10, 6)
    np.testing.assert_allclose(logits, whole_logits, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(counts, whole_counts, rtol=1e-4, atol=1e-5)


def test_predicting_uses_no_dropout_and_restores_the_mode():
    network = build_network(ShapesNet(dropout=0.9), (1, 28, 28), label_space(), seed=0)
    first, second = (predict(network, IMAGES, 10, CPU)[0] for _ in range(2))
    assert np.array_equal(first, second)
    assert network.training


def test_read_only_images_are_taken():
    locked = IMAGES.copy()
    locked.flags.writeable = False
    network = build_network(Dense(), (1, 28, 28), LabelSpace(("a", "b")), seed=0)
    logits, counts = predict(network, locked, 4, CPU)
    assert logits.dtype == np.float32 and logits.shape == (10, 2)
    assert counts is None


def test_no_images_give_no_predictions():
    network = build_network(Dense(), (1, 28, 28), LabelSpace(("a", "b")), seed=0)
    assert predict(network, IMAGES[:0], 4, CPU)[0].shape == (0, 2)
