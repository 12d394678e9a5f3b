import pytest
import torch

from core.datasets.shapes import label_space
from core.exceptions import IncompatibleModel
from core.labels import LabelSpace
from core.models.layers import num_parameters
from core.models.shapes_net import CountDistance, ShapesNet


def test_the_default_has_129_518_parameters_at_135_classes_and_six_counts():
    assert num_parameters(ShapesNet().build((1, 28, 28), label_space())) == 129_518


def test_it_predicts_classes_and_counts():
    outputs = ShapesNet().build((1, 28, 28), label_space())(torch.rand(2, 1, 28, 28))
    assert outputs.logits.shape == (2, 135)
    assert outputs.counts.shape == (2, 6)


def test_the_penalty_is_the_scaled_squared_distance_to_each_class():
    penalty = CountDistance(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
    with torch.no_grad():
        penalty.scale.fill_(0.5)
        assert penalty(torch.tensor([[1.0, 2.0]])).tolist() == [[2.0, 0.5]]


def test_the_counts_of_the_classes_are_no_weights():
    network = ShapesNet().build((1, 28, 28), label_space())
    assert "count_distance.scale" in network.state_dict()
    assert not any("class_counts" in name for name in network.state_dict())


def test_a_data_set_without_counts_is_refused():
    with pytest.raises(IncompatibleModel, match="needs a data set whose classes imply counts"):
        ShapesNet().build((1, 28, 28), LabelSpace(("cat", "dog")))
