import pytest
import torch

from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from core.models.dense import Dense
from core.models.layers import num_parameters

TEN_CLASSES = LabelSpace(tuple("0123456789"))


def test_the_default_has_the_parameters_of_the_fashion_study():
    assert num_parameters(Dense().build((1, 32, 32), TEN_CLASSES)) == 624_778


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
