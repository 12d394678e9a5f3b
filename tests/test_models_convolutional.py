import pytest
import torch
from torch import nn

from core.exceptions import IncompatibleModel, InvalidParameter
from core.labels import LabelSpace
from core.models.convolutional import Convolutional
from core.models.layers import num_parameters

TEN_CLASSES = LabelSpace(tuple("0123456789"))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param({}, 166_986, id="base, sgd, l2"),
        pytest.param({"dense_layers": (128,)}, 315_146, id="wide"),
        pytest.param({"channels": (64, 128), "dense_layers": (64, 64, 32)}, 376_042, id="deep"),
        pytest.param({"has_batch_norm": True}, 167_178, id="batch norm"),
        pytest.param({"channel_dropout": 0.5}, 166_986, id="dropout"),
    ],
)
def test_the_study_s_variants_have_its_numbers_of_parameters(settings, expected):
    network = Convolutional.checked(settings).build((1, 32, 32), TEN_CLASSES)
    assert num_parameters(network) == expected


@pytest.mark.parametrize("has_batch_norm", [False, True])
@pytest.mark.parametrize("channel_dropout", [0, 0.5])
@pytest.mark.parametrize("is_training", [False, True])
def test_pooling_early_gives_what_the_study_s_order_gives(
    has_batch_norm, channel_dropout, is_training
):
    architecture = Convolutional(
        channels=(6, 5),
        dense_layers=(),
        has_batch_norm=has_batch_norm,
        channel_dropout=channel_dropout,
    )
    body = architecture.build((1, 11, 12), TEN_CLASSES).body.train(is_training)
    layers = list(body)
    order = (nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.Dropout2d, nn.MaxPool2d)
    half = (len(layers) - 1) // 2
    study = nn.Sequential(
        *sorted(layers[:half], key=lambda layer: order.index(type(layer))),
        *sorted(layers[half:-1], key=lambda layer: order.index(type(layer))),
        layers[-1],
    )
    assert [type(layer) for layer in study] != [type(layer) for layer in layers]
    with torch.no_grad():
        for layer in layers:
            if isinstance(layer, nn.BatchNorm2d):
                layer.weight.uniform_(-1, 1)  # scales below zero turn the largest into the smallest
    images = torch.randn(3, 1, 11, 12)
    torch.manual_seed(0)
    ours = body(images)
    torch.manual_seed(0)
    torch.testing.assert_close(ours, study(images), rtol=0, atol=0)


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
