import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from core.augmentations.draws import StepDraws
from core.augmentations.intensity import Blur, Brightness, Contrast, Gamma, GaussianNoise, Invert

torch.set_num_threads(1)


def images_of(num=9, channels=1, high=256):
    pixels = np.random.default_rng(0).integers(0, high, (num, channels, 12, 17))
    return torch.from_numpy(pixels.astype(np.uint8))


def drawn(step, images, seed=0):
    source = StepDraws(seed, 1, step.name, len(images))
    return step.draws(source, tuple(images.shape[1:])).values


@pytest.mark.parametrize("variance", [0.001, 0.01, 0.1])
def test_noise_has_its_variance_as_a_share_of_the_largest_value(variance):
    # Middle grey, so that hardly anything is cut off; one brighter pixel is the largest value.
    images = torch.full((400, 1, 20, 20), 100, dtype=torch.uint8)
    images[:, 0, 0, 0] = 200
    step = GaussianNoise(variance=variance)
    noise = step.apply(images, drawn(step, images)).to(torch.float64)[:, 0, 1:] - 100
    wanted = 255 * np.sqrt(variance * 200 / 255)
    # Rounding adds a twelfth of a grey level squared; at 0.1 what lies beyond 0 and 255 is cut off.
    cut = stats.norm(scale=wanted).rvs(10**6, random_state=0).clip(-100, 155).std()
    assert noise.std() == pytest.approx(np.hypot(cut, 12**-0.5), rel=0.02)


def test_noise_of_10_percent_of_white_has_a_deviation_of_81_grey_levels():
    images = torch.full((200, 1, 20, 20), 255, dtype=torch.uint8)
    step = GaussianNoise()
    darker = step.apply(images, drawn(step, images)).to(torch.float64) - 255
    below = darker[darker < 0]
    assert below.square().mean().sqrt() == pytest.approx(255 * 0.1**0.5, rel=0.03)


def test_a_black_image_stays_black_under_noise():
    images = torch.zeros(3, 1, 5, 5, dtype=torch.uint8)
    step = GaussianNoise()
    assert torch.equal(step.apply(images, drawn(step, images)), images)


def test_brightness_multiplies_rounds_and_stays_in_range():
    images = images_of()
    step = Brightness(change=0.9)
    values = drawn(step, images)
    factor = values["factor"].numpy()[:, None, None, None]
    wanted = np.rint(images.numpy() * factor).clip(0, 255)
    np.testing.assert_array_equal(step.apply(images, values).numpy(), wanted)
    assert (wanted == 255).any()


def test_contrast_keeps_the_mean_and_scales_the_distance_from_it():
    images = images_of(high=120)
    step = Contrast(change=0.2)
    values = drawn(step, images)
    factor = values["factor"].numpy()[:, None, None, None]
    mean = images.numpy().mean((1, 2, 3), keepdims=True)
    wanted = (mean + factor * (images.numpy() - mean)).clip(0, 255)
    assert np.abs(step.apply(images, values).numpy() - wanted).max() <= 0.501


def test_gamma_is_a_power_of_grey_levels_from_0_to_1():
    images = images_of(channels=3)
    step = Gamma(change=1.5)
    values = drawn(step, images)
    gamma = values["gamma"].numpy()[:, None, None, None]
    wanted = 255 * (images.numpy() / 255) ** gamma
    got = step.apply(images, values).numpy()
    assert np.abs(got - wanted).max() <= 0.501
    np.testing.assert_array_equal(got[images.numpy() == 255], 255)


def test_gamma_lies_below_and_above_one_equally_often_within_its_bounds():
    gamma = Gamma(change=1).draws(StepDraws(0, 1, "gamma-0", 20_000), (1, 8, 8)).values["gamma"]
    assert gamma.min() == pytest.approx(0.5) and gamma.max() == pytest.approx(2)
    assert abs((gamma < 1).float().mean() - (gamma > 1).float().mean()) < 0.03


@pytest.mark.parametrize("sigma", [0.1, 0.7, 1.0, 3.0])
def test_a_blur_equals_scipys_to_a_grey_level(sigma):
    images = images_of(channels=2)
    got = Blur(sigma=sigma).apply(images, {}).numpy()
    wide = images.numpy().astype(np.float64)
    wanted = ndimage.gaussian_filter(wide, (0, 0, sigma, sigma), mode="nearest")
    assert np.abs(got - wanted).max() <= 0.51


def test_inverting_twice_changes_nothing():
    images = images_of()
    once = Invert().apply(images, {})
    np.testing.assert_array_equal(once.numpy(), 255 - images.numpy())
    assert torch.equal(Invert().apply(once, {}), images)
