import pytest
import torch
from torch import nn

from core.datasets.shapes import label_space
from core.exceptions import IncompatibleModel
from core.labels import LabelSpace
from core.models.layers import num_parameters
from core.models.shapes_reference import CountLogits, ShapesReference

SHAPE = (1, 28, 28)
SMALL = {"channels": (2,), "num_features": 8}


@pytest.mark.parametrize("head", ["linear", "dropout"])
def test_the_default_has_12_905_933_parameters_with_either_kind_of_heads(head):
    assert num_parameters(ShapesReference(head=head).build(SHAPE, label_space())) == 12_905_933


def test_without_a_class_head_the_parameters_of_one_are_missing():
    network = ShapesReference(class_head="from-counts").build(SHAPE, label_space())
    assert num_parameters(network) == 12_905_933 - (256 + 1) * 135
    assert not any(name.startswith("class_head") for name in network.state_dict())


def test_each_head_drops_half_of_the_features_or_none():
    dropping = ShapesReference(**SMALL).build(SHAPE, label_space())
    for head in (dropping.class_head, dropping.count_head):
        assert [type(layer) for layer in head] == [nn.Dropout, nn.Linear]
        assert head[0].p == 0.5
    linear = ShapesReference(**SMALL, head="linear").build(SHAPE, label_space())
    assert type(linear.class_head) is type(linear.count_head) is nn.Linear


def test_it_predicts_classes_and_counts():
    outputs = ShapesReference(**SMALL).build(SHAPE, label_space())(torch.rand(2, *SHAPE))
    assert outputs.logits.shape == (2, 135)
    assert outputs.counts.shape == (2, 6)


def test_a_data_set_without_counts_gets_no_count_head():
    network = ShapesReference(**SMALL).build(SHAPE, LabelSpace(("cat", "dog")))
    outputs = network(torch.rand(2, *SHAPE))
    assert outputs.logits.shape == (2, 2)
    assert outputs.counts is None
    assert not any(name.startswith("count_head") for name in network.state_dict())


def test_logits_from_counts_are_half_the_squared_distance_below_zero():
    logits = CountLogits(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
    assert logits(torch.tensor([[1.0, 2.0]])).tolist() == [[-2.0, -0.5]]


def test_classes_from_counts_are_those_whose_counts_are_nearest():
    torch.manual_seed(0)
    network = ShapesReference(**SMALL, class_head="from-counts").build(SHAPE, label_space()).eval()
    outputs = network(torch.rand(20, *SHAPE))
    class_counts = torch.tensor(label_space().class_counts, dtype=torch.float32)
    nearest = torch.cdist(outputs.counts, class_counts).argmin(dim=1)
    assert torch.equal(outputs.logits.argmax(dim=1), nearest)


def test_true_counts_give_the_true_class():
    class_counts = torch.tensor(label_space().class_counts, dtype=torch.float32)
    logits = CountLogits(class_counts)(class_counts)
    assert torch.equal(logits.argmax(dim=1), torch.arange(135))


def test_classes_from_counts_need_counts():
    with pytest.raises(IncompatibleModel) as error:
        ShapesReference(class_head="from-counts").build(SHAPE, LabelSpace(("cat", "dog")))
    assert str(error.value) == (
        "A class_head from-counts needs a data set whose classes imply counts, such as shapes; this one has "
        "2 classes and no counts. Set model.class_head=trained."
    )
