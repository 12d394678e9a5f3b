import pytest
import torch
from torch import nn

from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from core.models.dense import Dense
from core.models.layers import num_parameters

TEN_CLASSES = LabelSpace(tuple("0123456789"))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param({}, 624_778, id="base, sgd, l2"),
        pytest.param({"hidden_layers": (512, 512, 512, 256)}, 1_184_010, id="wide"),
        pytest.param({"hidden_layers": (512, *(128,) * 7)}, 690_826, id="deep"),
        pytest.param({"has_batch_norm": True}, 626_570, id="batch norm"),
        pytest.param({"dropout": (0.5, 0.4, 0.3, 0.2)}, 624_778, id="dropout"),
    ],
)
def test_the_study_s_variants_have_its_numbers_of_parameters(settings, expected):
    network = Dense.checked(settings).build((1, 32, 32), TEN_CLASSES)
    assert num_parameters(network) == expected


def test_batch_norm_stands_before_and_dropout_behind_each_relu():
    architecture = Dense(hidden_layers=(5, 4), has_batch_norm=True, dropout=(0.5, 0.25))
    body = architecture.build((1, 2, 2), TEN_CLASSES).body
    kinds = [type(layer) for layer in body]
    assert kinds == [nn.Flatten, *(nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Dropout) * 2]
    assert [body[4].p, body[8].p] == [0.5, 0.25]


def test_a_share_of_zero_drops_nothing():
    body = Dense(hidden_layers=(5, 4), dropout=(0, 0.5)).build((1, 2, 2), TEN_CLASSES).body
    assert [type(layer) for layer in body].count(nn.Dropout) == 1


@pytest.mark.parametrize(("dropout", "got"), [((0.5,), 1), ((0.5,) * 5, 5)])
def test_dropout_of_another_number_of_layers_is_refused_with_both_lengths(dropout, got):
    with pytest.raises(InvalidParameter) as error:
        Dense.checked({"dropout": dropout})
    assert (
        str(error.value)
        == f"dropout: must have as many entries as hidden_layers, 4, or none; got {got}."
    )


def test_everything_cannot_be_dropped():
    with pytest.raises(InvalidParameter, match="dropout"):
        Dense.checked({"dropout": (0.5, 0.5, 0.5, 1.0)})


def test_no_hidden_layer_gives_a_linear_classifier():
    network = Dense(hidden_layers=()).build((1, 4, 4), TEN_CLASSES)
    zeros, ones = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    middle = (network(zeros).logits + network(ones).logits) / 2
    torch.testing.assert_close(network(ones / 2).logits, middle)


def test_counts_are_not_predicted_where_a_data_set_has_them():
    space = LabelSpace(("a", "b"), count_names=("cats",), class_counts=((1,), (2,)))
    assert Dense().build((1, 8, 8), space)(torch.zeros(1, 1, 8, 8)).counts is None


def test_a_layer_without_features_is_refused():
    with pytest.raises(InvalidParameter, match="hidden_layers"):
        Dense.checked({"hidden_layers": [512, 0]})
