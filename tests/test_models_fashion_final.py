import pytest
import torch
from torch import nn

from core.exceptions import IncompatibleModel, InvalidParameter
from core.labels import LabelSpace
from core.models.fashion_final import FashionFinal
from core.models.layers import num_parameters

TEN_CLASSES = LabelSpace(tuple("0123456789"))

# As the study put it together, each pooling after all else of its convolution.
STUDY = (
    (1, 64, 2, 0.1, True),
    (64, 128, 2, 0.3, True),
    (128, 256, 2, 0.5, False),
    (256, 512, 4, 0.5, False),
)


def as_in_the_study():
    layers = []
    for before, after, kernel_size, share, has_pooling in STUDY:
        layers += [nn.Conv2d(before, after, kernel_size), nn.BatchNorm2d(after)]
        layers += [nn.ReLU(), nn.Dropout2d(share)]
        layers += [nn.MaxPool2d(2)] if has_pooling else []
    layers.append(nn.Flatten())
    for before, after, share in (
        (4608, 512, 0.1),
        (512, 256, 0.3),
        (256, 128, 0.5),
        (128, 64, 0.5),
    ):
        layers += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU(), nn.Dropout(share)]
    return nn.Sequential(*layers, nn.Linear(64, 10))


def test_the_default_has_4_798_986_parameters_on_the_study_s_images():
    assert num_parameters(FashionFinal().build((1, 32, 32), TEN_CLASSES)) == 4_798_986


@pytest.mark.parametrize("is_training", [False, True])
def test_the_default_computes_what_the_study_s_network_does(is_training):
    torch.manual_seed(0)
    ours, study = FashionFinal().build((1, 32, 32), TEN_CLASSES), as_in_the_study()
    values = zip(study.state_dict(), ours.state_dict().values(), strict=True)
    study.load_state_dict(dict(values))
    images = torch.rand(4, 1, 32, 32)
    torch.manual_seed(1)
    logits = ours.train(is_training)(images).logits
    torch.manual_seed(1)
    torch.testing.assert_close(logits, study.train(is_training)(images))


def test_an_image_too_small_names_the_convolution():
    with pytest.raises(IncompatibleModel) as error:
        FashionFinal().build((1, 8, 8), TEN_CLASSES)
    assert str(error.value) == (
        "Convolution 3 of 4 needs at least 2x2 pixels; 1x1 are left of the 8x8 image. "
        "Take larger images, or set model.kernel_sizes or model.num_pooled smaller."
    )


@pytest.mark.parametrize("changes", [{"kernel_sizes": (2, 1, 1, 1)}, {"num_pooled": 0}])
def test_the_named_remedies_work(changes):
    network = FashionFinal(**changes).build((1, 8, 8), TEN_CLASSES)
    assert network(torch.zeros(2, 1, 8, 8)).logits.shape == (2, 10)


@pytest.mark.parametrize("side", range(1, 28))
def test_a_network_that_can_be_built_runs(side):
    architecture = FashionFinal(channels=(2, 2, 2, 2), hidden_layers=(3,), dropout=())
    try:
        network = architecture.build((1, side, side + 1), TEN_CLASSES)
    except IncompatibleModel:
        assert side < 23
    else:
        assert network(torch.zeros(2, 1, side, side + 1)).logits.shape == (2, 10)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"kernel_sizes": (2, 2)},
            "kernel_sizes: must have as many entries as channels, 4; got 2.",
        ),
        (
            {"channels": (8,), "kernel_sizes": (3,)},
            "channel_dropout: must have as many entries as channels, 1, or none; got 4.",
        ),
        (
            {"hidden_layers": (8, 8)},
            "dropout: must have as many entries as hidden_layers, 2, or none; got 4.",
        ),
    ],
)
def test_what_has_one_entry_a_layer_is_refused_in_another_length(settings, message):
    with pytest.raises(InvalidParameter) as error:
        FashionFinal.checked(settings)
    assert str(error.value) == message
