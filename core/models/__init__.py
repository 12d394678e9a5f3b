"""MODELS: the architectures that a variant can name. One family per file; the shared bits are in layers.py."""

from core.models.base import Architecture
from core.models.convolutional import Convolutional
from core.models.dense import Dense
from core.models.fashion_final import FashionFinal
from core.models.fashion_net import FashionNet
from core.models.shapes_net import ShapesNet
from core.models.shapes_reference import ShapesReference
from core.registry import Registry

MODELS: Registry[type[Architecture]] = Registry(
    "model",
    {
        "dense": Dense,
        "conv": Convolutional,
        "fashion-final": FashionFinal,
        "fashion-net": FashionNet,
        "shapes-net": ShapesNet,
        "shapes-reference": ShapesReference,
    },
)
