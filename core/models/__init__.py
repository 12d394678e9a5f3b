"""MODELS: the architectures that a variant can name. One family per file; the shared bits are in layers.py."""

from core.models.base import Architecture
from core.models.convolutional import Convolutional
from core.models.dense import Dense
from core.models.shapes_net import ShapesNet
from core.registry import Registry

MODELS: Registry[type[Architecture]] = Registry(
    "model", {"dense": Dense, "conv": Convolutional, "shapes-net": ShapesNet}
)
