import pytest
import torch
from torch import nn

from core.exceptions import IncompatibleModel, InvalidParameter
from core.labels import LabelSpace
from core.models.fashion_net import FashionNet, GlobalMaxPool, SkipBlock
from core.models.layers import num_parameters

TEN_CLASSES = LabelSpace(tuple("0123456789"))


@pytest.mark.parametrize("side", [28, 32, 64])
def test_the_default_has_70_330_parameters_whatever_the_size(side):
    assert num_parameters(FashionNet().build((1, side, side), TEN_CLASSES)) == 70_330


def test_the_default_has_two_skips_and_halves_the_image_twice():
    network = FashionNet().build((1, 28, 28), TEN_CLASSES)
    blocks = [layer for layer in network.body if isinstance(layer, SkipBlock)]
    assert [block.has_skip for block in blocks] == [False, False, True, False, True]
    features, sides = torch.zeros(1, 1, 28, 28), []
    for block in blocks:
        features = block(features)
        sides.append(features.shape[-1])
    assert sides == [28, 14, 14, 7, 7]


def test_a_skip_adds_what_came_in():
    network = FashionNet(channels=(3, 3), pooled_convolutions=()).build((3, 6, 6), TEN_CLASSES)
    block, images = network.eval().body[0], torch.rand(2, 3, 6, 6)
    torch.testing.assert_close(block(images), images + block.layers(images))


def test_a_halved_image_gets_no_skip():
    network = FashionNet(channels=(3, 3), pooled_convolutions=(2,)).build((3, 6, 6), TEN_CLASSES)
    assert [block.has_skip for block in network.body[:2]] == [True, False]


def test_the_pooling_takes_the_largest_value_of_each_channel():
    features = torch.tensor([[[[1.0, 5.0], [2.0, 3.0]], [[-4.0, -1.0], [-2.0, -3.0]]]])
    assert GlobalMaxPool()(features).tolist() == [[5.0, -1.0]]


def test_the_logits_are_scaled():
    torch.manual_seed(0)
    network = FashionNet(logit_scale=0.5).build((1, 8, 8), TEN_CLASSES).eval()
    images = torch.rand(2, 1, 8, 8)
    expected = nn.functional.linear(
        network.body(images), network.class_head.weight, network.class_head.bias
    )
    torch.testing.assert_close(network(images).logits, expected * 0.5)


def test_an_image_too_small_names_the_convolution():
    with pytest.raises(IncompatibleModel) as error:
        FashionNet().build((1, 3, 3), TEN_CLASSES)
    assert str(error.value) == (
        "Convolution 4 of 5 with its pooling needs at least 2x2 pixels; 1x1 are left of the 3x3 image. "
        "Give model.pooled_convolutions fewer entries."
    )


def test_the_named_remedy_works():
    network = FashionNet(pooled_convolutions=(2,)).build((1, 3, 3), TEN_CLASSES)
    assert network(torch.zeros(2, 1, 3, 3)).logits.shape == (2, 10)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"channels": (8, 8)},
            "pooled_convolutions: must name some of the 2 convolutions of channels; got 4.",
        ),
        (
            {"pooled_convolutions": (2, 2)},
            "pooled_convolutions: must name each convolution at most once; got (2, 2).",
        ),
    ],
)
def test_pooling_behind_what_is_not_there_is_refused(settings, message):
    with pytest.raises(InvalidParameter) as error:
        FashionNet.checked(settings)
    assert str(error.value) == message


def test_a_border_is_cut_from_each_side():
    images = torch.rand(3, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    cut, plain = (
        FashionNet(border=border).build(shape, TEN_CLASSES).eval()
        for border, shape in ((2, (1, 12, 12)), (0, (1, 8, 8)))
    )
    # The cut is the first layer of the body, which moves the names of the others.
    plain.load_state_dict(dict(zip(plain.state_dict(), cut.state_dict().values(), strict=True)))
    assert torch.equal(cut(images).logits, plain(images[:, :, 2:10, 2:10]).logits)


def test_a_border_that_leaves_nothing_is_refused():
    with pytest.raises(
        IncompatibleModel, match=r"border of 6 pixels\. Set a smaller model\.border"
    ):
        FashionNet(border=6).build((1, 12, 12), TEN_CLASSES)
