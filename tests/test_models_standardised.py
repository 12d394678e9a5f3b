import numpy as np
import pytest
import torch

from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from core.models.dense import Dense
from core.models.forward import build_network, predict, to_input
from core.models.standardised import SMALLEST_STD, Standardised, unwrapped

SPACE = LabelSpace(("cat", "dog"))
IMAGES = np.random.default_rng(0).integers(0, 200, (30, 3, 6, 5), dtype=np.uint8)


def standardised(num_channels=3):
    return build_network(Dense(), (num_channels, 6, 5), SPACE, seed=0, is_standardised=True)


def test_an_unfitted_network_sees_its_input_as_it_is():
    network = standardised()
    images = to_input(torch.from_numpy(IMAGES))
    assert torch.equal(network(images).logits, network.network(images).logits)


def test_fitting_takes_mean_and_deviation_of_each_channel():
    network = standardised()
    network.fit(IMAGES)
    pixels = IMAGES / 255
    expected = pixels.mean(axis=(0, 2, 3)), pixels.std(axis=(0, 2, 3))
    np.testing.assert_allclose(network.mean.flatten(), expected[0], rtol=1e-6)
    np.testing.assert_allclose(network.std.flatten(), expected[1], rtol=1e-6)
    assert network.mean.shape == network.std.shape == (3, 1, 1)


def test_more_images_than_pass_at_once_are_all_counted():
    images = np.zeros((10_000, 1, 1, 1), dtype=np.uint8)
    images[-2500:] = 255
    network = Standardised(torch.nn.Identity(), 1)
    network.fit(torch.from_numpy(images))
    assert network.mean.item() == 0.25
    assert network.std.item() == pytest.approx(0.1875**0.5)


def test_the_network_behind_it_sees_standardised_pixels():
    network = standardised()
    network.fit(IMAGES)
    pixels = to_input(torch.from_numpy(IMAGES))
    seen = (pixels - pixels.mean((0, 2, 3), keepdim=True)) / pixels.std(
        (0, 2, 3), keepdim=True, correction=0
    )
    with torch.no_grad():
        expected = network.network(seen).logits
    logits, _ = predict(network, IMAGES, 30, torch.device("cpu"))
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_a_constant_channel_becomes_zero_and_not_infinite():
    images = IMAGES.copy()
    images[:, 1] = 77
    network = standardised()
    network.fit(images)
    assert network.std[1].item() == pytest.approx(SMALLEST_STD)
    network.network = torch.nn.Identity()
    assert network(to_input(torch.from_numpy(images)))[:, 1].abs().max() < 1e-4


def test_read_only_images_are_taken_and_left_alone():
    locked = IMAGES.copy()
    locked.flags.writeable = False
    network = standardised()
    network.fit(locked)
    assert np.array_equal(locked, IMAGES)


def test_mean_and_deviation_belong_to_the_weights():
    network = standardised()
    network.fit(IMAGES)
    other = standardised()
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.mean, network.mean) and torch.equal(other.std, network.std)
    assert not network.mean.requires_grad


def test_no_image_is_nothing_to_fit_to():
    with pytest.raises(InvalidParameter, match="at least one training image"):
        standardised().fit(IMAGES[:0])


def test_unwrapping_gives_the_network_behind_or_the_network():
    network = standardised()
    assert unwrapped(network) is network.network
    assert unwrapped(network.network) is network.network
