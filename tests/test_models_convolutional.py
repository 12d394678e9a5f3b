import pytest
import torch
from torch import nn

from core.exceptions import IncompatibleModel, InvalidParameter
from core.labels import LabelSpace
from core.models.convolutional import Convolutional
from core.models.layers import num_parameters

TEN_CLASSES = LabelSpace(tuple("0123456789"))


def test_the_default_has_the_parameters_of_the_fashion_study():
    assert num_parameters(Convolutional().build((1, 32, 32), TEN_CLASSES)) == 166_986


def test_pooling_before_relu_gives_what_the_study_s_order_gives():
    torch.manual_seed(0)
    network = Convolutional(channels=(4,), dense_layers=()).build((1, 9, 9), TEN_CLASSES)
    convolution = network.body[0]
    images = torch.randn(3, 1, 9, 9)
    expected = nn.functional.max_pool2d(convolution(images).relu(), 2).flatten(1)
    assert torch.equal(network.body(images), expected)


def test_an_image_too_small_for_a_layer_names_layer_size_and_remedy():
    with pytest.raises(IncompatibleModel) as error:
        Convolutional().build((1, 8, 8), TEN_CLASSES)
    assert str(error.value) == (
        "Convolution 2 of 2 with its pooling needs at least 4x4 pixels; 3x3 are left of the 8x8 image. "
        "Set model.padding=1 or take variant conv-base-padded."
    )


def test_the_named_remedy_works():
    network = Convolutional(padding=1).build((1, 8, 8), TEN_CLASSES)
    assert network(torch.zeros(1, 1, 8, 8)).logits.shape == (1, 10)


def test_padding_cannot_be_the_remedy_where_it_is_on_already():
    with pytest.raises(IncompatibleModel, match=r"Give model\.channels fewer entries\.$"):
        Convolutional(channels=(8, 8, 8, 8), padding=1).build((1, 8, 8), TEN_CLASSES)


@pytest.mark.parametrize("side", range(1, 24))
@pytest.mark.parametrize("padding", [0, 1])
def test_a_network_that_can_be_built_runs(side, padding):
    architecture = Convolutional(channels=(2, 2, 2), padding=padding)
    try:
        network = architecture.build((1, side, side + 1), TEN_CLASSES)
    except IncompatibleModel:
        assert side < (22 if padding == 0 else 8)
    else:
        assert network(torch.zeros(2, 1, side, side + 1)).logits.shape == (2, 10)


def test_padding_out_of_range_is_refused_with_the_bounds():
    with pytest.raises(InvalidParameter, match=r"padding must lie in \[0, 1\]; got 2\."):
        Convolutional.checked({"padding": 2})
