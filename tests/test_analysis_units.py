import numpy as np
import torch
from torch import nn

from core.analysis.units import NO_IMAGE, units
from core.inference import CPU, Predictor
from core.labels import LabelSpace
from core.models.layers import Classifier


def predictor():
    """Three units: the image's only pixel, how dark it is beyond a half, and one that is dead."""
    layers = nn.Sequential(nn.Flatten(), nn.Linear(1, 3), nn.ReLU())
    with torch.no_grad():
        layers[1].weight.copy_(torch.tensor([[1.0], [-1.0], [0.0]]))
        layers[1].bias.copy_(torch.tensor([0.0, 0.5, -1.0]))
    network = Classifier(layers, 3, 2).eval()
    return Predictor("tiny", network, LabelSpace(("a", "b")), (1, 1, 1), False, "none", CPU)


def test_strongest_images_and_dead_units_by_hand():
    images = np.array([0, 255, 51, 0, 102], dtype=np.uint8).reshape(5, 1, 1, 1)
    told = []
    found = units(predictor(), images, "body.2", told.append)
    assert found.sample_ids.shape == (3, 5)
    assert found.sample_ids[0].tolist() == [1, 4, 2, NO_IMAGE, NO_IMAGE]
    # Of equals the lower id leads.
    assert found.sample_ids[1].tolist() == [0, 3, 2, 4, NO_IMAGE]
    assert (found.sample_ids[2] == NO_IMAGE).all() and (found.values[2] == 0).all()
    np.testing.assert_allclose(found.values[0], [1, 0.4, 0.2, 0, 0], atol=1e-6)
    np.testing.assert_allclose(found.share_active, [0.6, 0.8, 0])
    assert found.is_dead.tolist() == [False, False, True]
    assert told == [1.0]


def test_a_dozen_over_many_batches_are_those_of_all_images_at_once():
    images = np.random.default_rng(0).integers(0, 256, (1500, 1, 1, 1), dtype=np.uint8)
    found = units(predictor(), images, "body.2")
    expected = np.argsort(-images.ravel().astype(int), kind="stable")[:12]
    assert found.sample_ids[0].tolist() == expected.tolist()
    assert found.share_active[0] == (images > 0).mean()
