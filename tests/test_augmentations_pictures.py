"""What holds for every augmentation in the registry, and for the pictures of an epoch."""

import numpy as np
import pytest
import torch

from core.augmentations import AUGMENTATIONS
from core.augmentations.base import Mixing
from core.augmentations.expansion import FixedExpansion
from core.augmentations.intensity import GaussianNoise
from core.augmentations.pictures import EpochPictures
from core.augmentations.pipeline import AugmentationPipeline
from core.augmentations.presets import PRESETS
from core.augmentations.symmetries import HorizontalFlip, VerticalFlip
from core.augmentations.zoom import Zoom
from core.exceptions import InvalidParameter
from core.labels import EFFECTS, LabelSpace

torch.set_num_threads(1)

NAMES = list(AUGMENTATIONS)
SPACE = LabelSpace(tuple("abcde"))
NUM = 96


def split(channels=1, num=NUM, side=28):
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (num, channels, side, side), dtype=np.uint8)
    return images, generator.integers(0, 5, num)


def pictures(pipeline, seed=0, epoch=1, device="cpu", **options):
    images, labels = (torch.from_numpy(one).to(device) for one in split(**options))
    return EpochPictures(pipeline, images, labels, None, SPACE, seed, epoch)


def one_step(name, probability=1.0):
    return AugmentationPipeline(steps=(AUGMENTATIONS[name](probability=probability),))


def everything():
    """Return a pipeline of all steps, each on a third of the images, after a fixed expansion."""
    steps = tuple(kind(probability=1 / 3) for kind in AUGMENTATIONS.values())
    return AugmentationPipeline(expansion=FixedExpansion(), steps=steps)


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_has_a_default_and_a_sentence_about_it(name):
    kind = AUGMENTATIONS[name]
    assert kind().name == name
    assert kind().probability == 0
    assert set(kind.effects) <= set(EFFECTS) and kind.effects
    assert kind.strength is None or kind.strength in kind.model_fields
    for field in kind.model_fields.values():
        assert field.description and field.description.endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_settings_survive_json(name):
    step = AUGMENTATIONS[name](probability=0.25, is_forced=True)
    assert AUGMENTATIONS[name].checked(step.model_dump(mode="json")) == step


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_shape_and_dtype_stay_and_most_images_change(name, channels):
    images, labels = split(channels)
    batch = pictures(one_step(name), channels=channels).batch(torch.arange(NUM))
    assert batch.images.shape == images.shape
    assert batch.images.dtype == torch.uint8
    assert batch.images.is_contiguous()
    changed = (batch.images.numpy() != images).any(axis=(1, 2, 3))
    assert changed.mean() > 0.7
    if not issubclass(AUGMENTATIONS[name], Mixing):
        np.testing.assert_array_equal(batch.labels.numpy(), labels)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_stored_stays_as_it_is(name):
    images, labels = (torch.from_numpy(one) for one in split())
    before = images.clone(), labels.clone()
    pipeline = AugmentationPipeline(steps=(AUGMENTATIONS[name](probability=1),) * 2)
    EpochPictures(pipeline, images, labels, None, SPACE, 0, 1).batch(torch.arange(NUM))
    assert torch.equal(images, before[0]) and torch.equal(labels, before[1])


@pytest.mark.parametrize("name", NAMES)
def test_a_step_of_probability_zero_changes_nothing(name):
    images, labels = split()
    batch = pictures(one_step(name, 0.0)).batch(torch.arange(NUM))
    np.testing.assert_array_equal(batch.images.numpy(), images)
    np.testing.assert_array_equal(batch.labels.numpy(), labels)
    assert not batch.decisions[0].hit.any()
    assert batch.decisions[0].numbers(0) is None


@pytest.mark.parametrize("name", NAMES)
def test_images_that_are_not_hit_stay_and_have_no_numbers(name):
    images, _ = split()
    batch = pictures(one_step(name, 0.5)).batch(torch.arange(NUM))
    decision = batch.decisions[0]
    missed = ~decision.hit
    assert 0 < missed.sum() < NUM
    np.testing.assert_array_equal(batch.images[missed].numpy(), images[missed.numpy()])
    for row in range(NUM):
        numbers = decision.numbers(row)
        assert (numbers is None) == bool(missed[row])
        assert numbers is None or not set(numbers) & set(AUGMENTATIONS[name].hidden)
    if decision.symmetry is not None:
        assert not decision.symmetry[missed].any()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("probability", [0.1, 0.5])
def test_the_share_of_images_hit_lies_within_binomial_bounds(name, probability):
    num = 20_000
    source = EpochPictures(
        one_step(name, probability),
        np.zeros((num, 1, 28, 28), dtype=np.uint8),
        np.zeros(num, dtype=np.int64),
        None,
        SPACE,
        seed=3,
        epoch=2,
    )
    share = source._draws[0].hit.double().mean().item()
    assert abs(share - probability) < 4 * np.sqrt(probability * (1 - probability) / num)


def test_several_steps_hit_independently():
    pipeline = AugmentationPipeline(
        steps=(
            HorizontalFlip(probability=0.5),
            VerticalFlip(probability=0.5),
            Zoom(probability=0.5),
        )
    )
    decisions = pictures(pipeline, num=4000, side=8).batch(torch.arange(4000)).decisions
    hits = torch.stack([one.hit for one in decisions]).sum(dim=0)
    shares = torch.bincount(hits).double() / 4000
    assert (shares - torch.tensor([1, 3, 3, 1]).double() / 8).abs().max() < 0.035


def test_a_picture_depends_neither_on_its_batch_nor_on_the_order():
    source = pictures(everything())
    rows = torch.from_numpy(np.random.default_rng(0).permutation(source.num_rows))
    whole = source.batch(rows)
    again = pictures(everything())
    for size in (1, 7, 50):
        for start in range(0, 150, size):
            part = again.batch(rows[start : start + size])
            assert torch.equal(part.images, whole.images[start : start + size])
            assert torch.equal(part.labels, whole.labels[start : start + size])


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_alone_equals_the_picture_in_its_batch(name):
    source = pictures(one_step(name))
    whole = source.batch(torch.arange(NUM))
    for row in (0, 41, NUM - 1):
        alone = source.batch(torch.tensor([row]))
        assert torch.equal(alone.images[0], whole.images[row])
        assert torch.equal(alone.labels[0], whole.labels[row])
        assert alone.decisions[0].numbers(0) == whole.decisions[0].numbers(row)


def test_arrays_and_tensors_give_the_same_pictures(tmp_path):
    images, labels = split()
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    rows = torch.arange(0, 4 * NUM, 5)
    from_array = EpochPictures(everything(), mapped, labels, None, SPACE, 0, 1).batch(rows)
    from_tensor = pictures(everything()).batch(rows)
    assert torch.equal(from_array.images, from_tensor.images)
    assert torch.equal(from_array.labels, from_tensor.labels)


def test_the_number_of_threads_changes_no_picture():
    rows = torch.arange(4 * NUM)
    one = pictures(everything()).batch(rows)
    torch.set_num_threads(2)
    try:
        two = pictures(everything()).batch(rows)
    finally:
        torch.set_num_threads(1)
    assert torch.equal(one.images, two.images) and torch.equal(one.labels, two.labels)


@pytest.mark.parametrize("options", [{"seed": 1}, {"epoch": 2}])
def test_another_seed_or_epoch_gives_other_pictures(options):
    rows = torch.arange(NUM)
    plain = pictures(everything()).batch(rows)
    other = pictures(everything(), **options).batch(rows)
    assert (plain.images != other.images).flatten(1).any(1).float().mean() > 0.9


def test_another_step_before_it_leaves_what_a_step_draws():
    noise = GaussianNoise(probability=0.5)
    alone = pictures(AugmentationPipeline(steps=(noise,))).batch(torch.arange(NUM))
    after = pictures(AugmentationPipeline(steps=(HorizontalFlip(probability=1), noise)))
    decision = after.batch(torch.arange(NUM)).decisions[1]
    assert torch.equal(decision.hit, alone.decisions[0].hit)
    assert torch.equal(decision.values["key"], alone.decisions[0].values["key"])


def test_the_same_step_twice_draws_twice():
    noise = GaussianNoise(probability=0.5)
    batch = pictures(AugmentationPipeline(steps=(noise, noise))).batch(torch.arange(NUM))
    first, second = batch.decisions
    assert not torch.equal(first.hit, second.hit)
    assert not torch.equal(first.values["key"], second.values["key"])


def test_an_empty_pipeline_gives_the_images_and_an_empty_batch_nothing():
    images, labels = split()
    source = pictures(AugmentationPipeline())
    batch = source.batch(torch.arange(NUM))
    np.testing.assert_array_equal(batch.images.numpy(), images)
    np.testing.assert_array_equal(batch.labels.numpy(), labels)
    assert batch.decisions == ()
    nothing = pictures(everything()).batch(torch.arange(0))
    assert nothing.images.shape == (0, 1, 28, 28)


@pytest.mark.parametrize("name", list(PRESETS))
def test_every_preset_makes_pictures(name):
    source = pictures(PRESETS[name].pipeline, side=32)
    images = source.batch(torch.arange(NUM)).images
    assert images.shape == (NUM, 1, 32, 32)


def test_images_must_be_uint8():
    with pytest.raises(InvalidParameter) as raised:
        EpochPictures(
            AugmentationPipeline(), torch.zeros(1, 1, 2, 2), torch.zeros(1), None, SPACE, 0, 1
        )
    assert str(raised.value) == (
        "images must be uint8 (N, C, H, W); got torch.float32 of 4 dimensions."
    )


def test_a_pipeline_that_does_not_fit_is_refused_before_anything_is_drawn():
    images = np.zeros((4, 1, 8, 9), dtype=np.uint8)
    with pytest.raises(
        InvalidParameter, match=r"step 1 \(quarter-turn\): quarter turns need square"
    ):
        EpochPictures(
            one_step("quarter-turn"), images, np.zeros(4, dtype=np.int64), None, SPACE, 0, 1
        )


@pytest.mark.gpu
@pytest.mark.parametrize("name", NAMES)
def test_cpu_and_cuda_agree(name):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    rows = torch.arange(NUM)
    here = pictures(one_step(name, 0.7)).batch(rows)
    there = pictures(one_step(name, 0.7), device="cuda").batch(rows)
    assert there.images.device.type == "cuda"
    # Warps compute grey levels between pixels, and their last bits may differ.
    most = 1 if name in ("rotation", "affine", "elastic") else 0
    difference = there.images.cpu().to(torch.int64) - here.images.to(torch.int64)
    assert difference.abs().max() <= most
    torch.testing.assert_close(there.labels.cpu(), here.labels)
