"""Saliency by hand: networks so small that one knows which pixel decides."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from core.analysis.saliency import (
    MOST_POSITIONS,
    gradient,
    has_grad_cam,
    map_layer,
    occlusion,
    saliency,
)
from core.exceptions import IncompatibleModel, InvalidParameter, UnknownName
from core.inference import CPU, Predictor
from core.labels import LabelSpace
from core.models.base import Outputs
from core.models.layers import Classifier
from core.models.standardised import Standardised


def predictor_of(network, shape=(1, 4, 5), num_classes=3):
    names = tuple(str(label) for label in range(num_classes))
    return Predictor("tiny", network.eval(), LabelSpace(names), shape, False, "none", CPU)


def linear(weights, shape=(1, 4, 5)):
    """A classifier whose logits are the weights (K, C * H * W) times the pixels."""
    weights = torch.as_tensor(weights, dtype=torch.float32)
    network = Classifier(nn.Flatten(), weights.shape[1], len(weights))
    with torch.no_grad():
        network.class_head.weight.copy_(weights)
        network.class_head.bias.zero_()
    return predictor_of(network, shape, len(weights))


def one_pixel(row, column, strength=30.0, shape=(1, 4, 5)):
    """A classifier that looks at one pixel alone: bright is class 1, dark is class 0."""
    weights = np.zeros((2, *shape), dtype=np.float32)
    weights[1, 0, row, column] = strength
    found = linear(weights.reshape(2, -1), shape)
    with torch.no_grad():
        found.network.class_head.bias.copy_(torch.tensor([strength / 2, 0.0]))
    return found


RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.integers(0, 256, (1, 4, 5), dtype=np.uint8)


def test_the_gradient_of_a_linear_network_is_its_weights():
    weights = RANDOM.normal(size=(3, 20))
    found = gradient(linear(weights), IMAGE, [2, 0])
    np.testing.assert_allclose(found, np.abs(weights[[2, 0]]).reshape(2, 4, 5), rtol=1e-5)


def test_of_several_channels_the_largest_gradient_counts():
    weights = RANDOM.normal(size=(2, 3, 4, 5))
    image = RANDOM.integers(0, 256, (3, 4, 5), dtype=np.uint8)
    found = gradient(linear(weights.reshape(2, -1), (3, 4, 5)), image, [1])
    np.testing.assert_allclose(found[0], np.abs(weights[1]).max(axis=0), rtol=1e-5)


def test_the_gradient_is_per_grey_level_as_stored_not_as_standardised():
    inner = linear(np.ones((2, 20))).network
    network = Standardised(inner, 1)
    network.std.fill_(0.25)
    found = gradient(predictor_of(network, num_classes=2), IMAGE, [0])
    np.testing.assert_allclose(found, 4.0, rtol=1e-5)


def test_occlusion_finds_the_only_pixel_that_decides():
    image = np.zeros((1, 4, 5), dtype=np.uint8)
    image[0, 2, 3] = 255
    image[0, 0, 0] = 255
    (found,) = occlusion(one_pixel(2, 3), image, [1], side=1, stride=1)
    assert found[2, 3] > 0.99
    found[2, 3] = 0
    assert (found == 0).all()


def test_what_speaks_against_a_class_is_below_zero():
    image = np.zeros((1, 4, 5), dtype=np.uint8)
    image[0, 2, 3] = 255
    (found,) = occlusion(one_pixel(2, 3), image, [0], side=1, stride=1)
    assert found[2, 3] < -0.99


def test_a_patch_gives_its_fall_to_all_that_it_covers_and_borders_are_covered_too():
    image = np.zeros((1, 4, 5), dtype=np.uint8)
    image[0, 0, 4] = 255  # a corner
    (found,) = occlusion(one_pixel(0, 4), image, [1], side=2, stride=1)
    # A pixel beside the corner lies in the corner's patch and in another one, of four or two that cover it.
    assert found[0, 4] > 0.99
    assert 0 < found[1, 4] < found[0, 4] and 0 < found[0, 3] < found[0, 4]
    assert (found[2:] == 0).all() and (found[:, :3] == 0).all()


def test_occlusion_covers_with_the_background_not_with_black():
    image = np.full((1, 4, 5), 200, dtype=np.uint8)
    image[0, 1, 1] = 0
    (found,) = occlusion(one_pixel(1, 1), image, [0], side=1, stride=1)
    # Covering the only dark pixel makes it bright, which class 0 does not like.
    assert found[1, 1] > 0.9
    assert abs(np.delete(found.ravel(), 6)).max() == 0


class Counting(nn.Module):
    """Counts the images that pass, and how many at once."""

    def __init__(self):
        super().__init__()
        self.sizes = []
        self.body = nn.Flatten()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, images):
        self.sizes.append(len(images))
        return Outputs(self.body(images)[:, :2] * self.scale)


def test_a_large_image_is_asked_about_in_few_bounded_batches():
    network = Counting()
    image = np.zeros((1, 200, 160), dtype=np.uint8)
    found = occlusion(predictor_of(network, image.shape, 2), image, [0])
    assert found.shape == (1, 200, 160)
    assert max(network.sizes) <= 256 and sum(network.sizes) <= MOST_POSITIONS + 1


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 33, 17), (1, 1, 1)])
def test_every_pixel_is_covered_by_the_patches_of_its_own_size(shape):
    class Bright(Counting):
        def forward(self, images):
            mean = images.flatten(1).mean(dim=1)
            return Outputs(torch.stack([mean * 50, 0 * mean], dim=1))

    image = np.full(shape, 255, dtype=np.uint8)
    image[:, 0, 0] = 0  # the background stays white unless it is the only pixel
    found = occlusion(predictor_of(Bright(), shape, 2), image, [0])
    assert np.isfinite(found).all() and found.shape == (1, *shape[1:])


def test_grad_cam_of_a_network_without_maps_is_refused():
    text = "Grad-CAM needs a network with convolutions; this one has no feature map that knows places. "
    with pytest.raises(IncompatibleModel, match=text):
        saliency(linear(np.ones((2, 20))), IMAGE, [0], "grad-cam")


def convolutional():
    network = nn.Sequential(
        nn.Conv2d(1, 2, 1, bias=False), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten()
    )
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([1.0, -1.0])[:, None, None, None])
    whole = Classifier(network, 2, 2)
    with torch.no_grad():
        whole.class_head.weight.copy_(torch.eye(2) * 10)
    return predictor_of(whole, num_classes=2)


def test_grad_cam_asks_the_last_convolution():
    found = convolutional()
    assert map_layer(found.network, found.image_shape) == "body.0"


def test_grad_cam_without_captum_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(InvalidParameter, match=r"pip install 'petridish\[explain\]'"):
        saliency(convolutional(), IMAGE, [0], "grad-cam")


@pytest.mark.skipif(not has_grad_cam(), reason="captum is not installed")
@pytest.mark.filterwarnings("ignore")  # of captum's own
def test_grad_cam_finds_the_bright_pixel_of_the_class_that_likes_it():
    image = np.zeros((1, 4, 5), dtype=np.uint8)
    image[0, 1, 2] = 255
    found = saliency(convolutional(), image, [0], "grad-cam")
    assert found.shape == (1, 4, 5) and (found >= 0).all()
    assert np.unravel_index(found[0].argmax(), (4, 5)) == (1, 2)


def test_what_cannot_be_asked_is_refused():
    found = linear(np.ones((3, 20)))
    with pytest.raises(
        InvalidParameter, match=r"labels must lie in \[0, 3\), at least one; got \[3\]"
    ):
        saliency(found, IMAGE, [3], "gradient")
    with pytest.raises(InvalidParameter, match=r"at least one; got \[\]"):
        saliency(found, IMAGE, [], "gradient")
    with pytest.raises(UnknownName, match="Did you mean 'gradient'"):
        saliency(found, IMAGE, [0], "gradients")
    with pytest.raises(IncompatibleModel, match="was trained on images of 4x5 pixels"):
        saliency(found, IMAGE[:, :3], [0], "occlusion")
    with pytest.raises(InvalidParameter, match="side and stride must be at least 1; got 0 and 1"):
        occlusion(found, IMAGE, [0], side=0, stride=1)
