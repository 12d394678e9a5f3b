import numpy as np
import pytest
import torch
from scipy import stats

from core.augmentations.mixing import CutMix, Mixup
from core.augmentations.pictures import EpochPictures
from core.augmentations.pipeline import AugmentationPipeline
from core.augmentations.symmetries import HorizontalFlip
from core.labels import LabelRules, LabelSpace, Moves, swapped

torch.set_num_threads(1)

NUM, CLASSES = 300, 4
SPACE = LabelSpace(tuple("abcd"))


def split():
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (NUM, 1, 12, 14), dtype=np.uint8)
    return images, generator.integers(0, CLASSES, NUM)


def pictures(*steps, space=SPACE):
    return EpochPictures(AugmentationPipeline(steps=steps), *split(), None, space, 0, 1)


def test_mixup_blends_image_and_label_by_the_same_share():
    images, labels = split()
    batch = pictures(Mixup(probability=0.6, alpha=0.8)).batch(torch.arange(NUM))
    (drawn,) = batch.decisions
    assert batch.labels.shape == (NUM, CLASSES)
    one_hot = np.eye(CLASSES)
    for image in range(NUM):
        own = drawn.values["own_share"][image].item() if drawn.hit[image] else 1.0
        partner = int(drawn.values["partner"][image])
        wanted = own * images[image] + (1 - own) * images[partner].astype(np.float64)
        assert np.abs(batch.images[image].numpy() - wanted).max() <= 0.501
        wanted = own * one_hot[labels[image]] + (1 - own) * one_hot[labels[partner]]
        np.testing.assert_allclose(batch.labels[image].numpy(), wanted, atol=1e-6)


def test_cutmix_pastes_a_box_and_shares_the_label_by_its_area():
    images, labels = split()
    batch = pictures(CutMix(probability=0.6)).batch(torch.arange(NUM))
    (drawn,) = batch.decisions
    one_hot = np.eye(CLASSES)
    for image in range(NUM):
        partner = int(drawn.values["partner"][image])
        wanted, share = images[image].copy(), 0.0
        if drawn.hit[image]:
            top, left, height, width = (
                int(drawn.values[name][image]) for name in ("top", "left", "height", "width")
            )
            box = np.s_[:, top : top + height, left : left + width]
            wanted[box] = images[partner][box]
            share = height * width / (12 * 14)
        np.testing.assert_array_equal(batch.images[image].numpy(), wanted)
        wanted = (1 - share) * one_hot[labels[image]] + share * one_hot[labels[partner]]
        np.testing.assert_allclose(batch.labels[image].numpy(), wanted, atol=1e-6)


@pytest.mark.parametrize("step", [Mixup, CutMix])
def test_shares_of_a_label_add_up_to_one(step):
    batch = pictures(step(probability=0.5), step(probability=0.5)).batch(torch.arange(NUM))
    assert batch.labels.dtype == torch.float32
    torch.testing.assert_close(batch.labels.sum(dim=1), torch.ones(NUM))
    assert batch.labels.min() >= 0


def test_shares_of_mixup_follow_the_beta_distribution():
    source = EpochPictures(
        AugmentationPipeline(steps=(Mixup(probability=1, alpha=0.4),)),
        np.zeros((5000, 1, 2, 2), dtype=np.uint8),
        np.zeros(5000, dtype=np.int64),
        None,
        SPACE,
        0,
        1,
    )
    share = source.batch(torch.arange(5000)).decisions[0].values["own_share"].numpy()
    assert stats.kstest(share, stats.beta(0.4, 0.4).cdf).pvalue > 1e-3


def test_a_partner_is_seen_after_the_steps_before_with_its_own_numbers():
    flip = HorizontalFlip(probability=0.5)
    space = LabelSpace(
        tuple("abcd"),
        rules=LabelRules(Moves(horizontal_flip=swapped(4, (0, 3))), unsafe={"quarter_turn": "no"}),
    )
    flipped = pictures(flip, space=space).batch(torch.arange(NUM))
    mixed = pictures(flip, CutMix(probability=1), space=space).batch(torch.arange(NUM))
    drawn = mixed.decisions[1]
    own = drawn.values["own_share"].double()[:, None]
    partner = drawn.values["partner"]
    one_hot = torch.eye(CLASSES, dtype=torch.float64)[flipped.labels]
    wanted = own * one_hot + (1 - own) * one_hot[partner]
    torch.testing.assert_close(mixed.labels.double(), wanted, atol=1e-6, rtol=0)
    whole = (drawn.values["height"] == 12) & (drawn.values["width"] == 14)
    is_either = (mixed.images == flipped.images) | (mixed.images == flipped.images[partner])
    assert is_either.all()
    assert whole.sum() < NUM


def test_a_flip_after_mixing_moves_the_shares():
    space = LabelSpace(
        tuple("abcd"),
        rules=LabelRules(Moves(horizontal_flip=swapped(4, (0, 3))), unsafe={"quarter_turn": "no"}),
    )
    mixed = pictures(Mixup(probability=1), space=space).batch(torch.arange(NUM))
    both = pictures(Mixup(probability=1), HorizontalFlip(probability=1), space=space).batch(
        torch.arange(NUM)
    )
    assert torch.equal(both.labels, mixed.labels[:, [3, 1, 2, 0]])
    assert torch.equal(both.images, mixed.images.flip(3))
