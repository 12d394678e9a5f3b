"""Dense: fully connected layers over the flattened pixels."""

from math import prod
from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from core.labels import LabelSpace
from core.models.base import Architecture
from core.models.layers import Classifier, dense_stack


class Dense(Architecture):
    """Fully connected layers with ReLU between them; position in the image means nothing to it."""

    name: Literal["dense"] = Field("dense", description="Family of the network.")
    hidden_layers: tuple[Annotated[int, Field(ge=1, le=8192)], ...] = Field(
        (512, 128, 128, 128),
        max_length=32,
        description="Features that leave each hidden layer, from the image to the head; none gives a linear classifier.",
        json_schema_extra={"unit": "features"},
    )

    def build(self, image_shape: tuple[int, int, int], space: LabelSpace) -> nn.Module:
        """Return a network for these images; it predicts classes only, also where there are counts."""
        layers, num_features = dense_stack(prod(image_shape), self.hidden_layers)
        return Classifier(nn.Sequential(nn.Flatten(), *layers), num_features, space.num_classes)
