"""Dense: fully connected layers over the flattened pixels."""

from math import prod
from typing import Annotated, Literal

import pydantic
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
    has_batch_norm: bool = Field(
        False, description="Normalise each feature over the batch before every ReLU."
    )
    dropout: tuple[Annotated[float, Field(ge=0, lt=1)], ...] = Field(
        (),
        max_length=32,
        description="Share of each hidden layer's features set to zero in training, after its ReLU; none drops nothing.",
    )

    @pydantic.field_validator("dropout")
    @classmethod
    def _one_a_layer(
        cls, dropout: tuple[float, ...], info: pydantic.ValidationInfo
    ) -> tuple[float, ...]:
        hidden_layers = info.data.get("hidden_layers")
        if dropout and hidden_layers is not None and len(dropout) != len(hidden_layers):
            raise ValueError(
                f"must have as many entries as hidden_layers, {len(hidden_layers)}, or none; "
                f"got {len(dropout)}."
            )
        return dropout

    def build(self, image_shape: tuple[int, int, int], space: LabelSpace) -> nn.Module:
        """Return a network for these images; it predicts classes only, also where there are counts."""
        layers, num_features = dense_stack(
            prod(image_shape), self.hidden_layers, self.has_batch_norm, self.dropout
        )
        return Classifier(nn.Sequential(nn.Flatten(), *layers), num_features, space.num_classes)
