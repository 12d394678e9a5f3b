"""FashionFinal: the staged final model of the Fashion study, convolutions with growing kernels and many dense layers.

It is trained in three stages; those are settings of the training, not of the network. The network that beats it with a
hundredth of its parameters is fashion_net.py.
"""

from math import prod
from typing import Annotated, Literal

import pydantic
from pydantic import Field
from torch import nn

from core.labels import LabelSpace
from core.models.base import Architecture
from core.models.convolutions import Convolution, convolution_stack
from core.models.layers import Classifier, dense_stack


class FashionFinal(Architecture):
    """Convolutions and dense layers, each with batch norm, ReLU and dropout; the first convolutions halve the image."""

    name: Literal["fashion-final"] = Field("fashion-final", description="Family of the network.")
    channels: tuple[Annotated[int, Field(ge=1, le=2048)], ...] = Field(
        (64, 128, 256, 512),
        min_length=1,
        max_length=10,
        description="Channels that leave each convolution, from the image on.",
        json_schema_extra={"unit": "channels"},
    )
    kernel_sizes: tuple[Annotated[int, Field(ge=1, le=11)], ...] = Field(
        (2, 2, 2, 4),
        validate_default=True,  # as all that has one entry a convolution or dense layer
        description="Rows and columns of each convolution's kernel.",
        json_schema_extra={"unit": "pixels"},
    )
    num_pooled: int = Field(
        2,
        ge=0,
        le=10,
        description="Convolutions, from the first, after which max pooling halves the image.",
    )
    channel_dropout: tuple[Annotated[float, Field(ge=0, lt=1)], ...] = Field(
        (0.1, 0.3, 0.5, 0.5),
        validate_default=True,
        description="Share of each convolution's channels set to zero in training, after its ReLU; none drops nothing.",
    )
    hidden_layers: tuple[Annotated[int, Field(ge=1, le=8192)], ...] = Field(
        (512, 256, 128, 64),
        max_length=32,
        description="Features that leave each dense layer between the convolutions and the head.",
        json_schema_extra={"unit": "features"},
    )
    dropout: tuple[Annotated[float, Field(ge=0, lt=1)], ...] = Field(
        (0.1, 0.3, 0.5, 0.5),
        validate_default=True,
        description="Share of each dense layer's features set to zero in training, after its ReLU; none drops nothing.",
    )

    @pydantic.field_validator("kernel_sizes", "channel_dropout", "dropout")
    @classmethod
    def _one_a_layer(
        cls, values: tuple[float, ...], info: pydantic.ValidationInfo
    ) -> tuple[float, ...]:
        layers = "hidden_layers" if info.field_name == "dropout" else "channels"
        wanted = info.data.get(layers)
        is_optional = info.field_name != "kernel_sizes"
        if wanted is None or len(values) == len(wanted) or (is_optional and not values):
            return values
        raise ValueError(
            f"must have as many entries as {layers}, {len(wanted)}{', or none' if is_optional else ''}; "
            f"got {len(values)}."
        )

    def build(self, image_shape: tuple[int, int, int], space: LabelSpace) -> nn.Module:
        """Return a network for these images; it predicts classes only, also where there are counts.

        Raises:
            IncompatibleModel: nothing is left of the image at some layer.
        """
        convolutions = [
            Convolution(
                channels=num_channels,
                kernel_size=kernel_size,
                has_batch_norm=True,
                has_pooling=number < self.num_pooled,
                channel_dropout=channel_dropout,
            )
            for number, (num_channels, kernel_size, channel_dropout) in enumerate(
                zip(
                    self.channels,
                    self.kernel_sizes,
                    self.channel_dropout or (0.0,) * len(self.channels),
                    strict=True,
                )
            )
        ]
        layers, shape = convolution_stack(
            image_shape,
            convolutions,
            "Take larger images, or set model.kernel_sizes or model.num_pooled smaller.",
        )
        dense, num_features = dense_stack(
            prod(shape), self.hidden_layers, has_batch_norm=True, dropout=self.dropout
        )
        body = nn.Sequential(*layers, nn.Flatten(), *dense)
        return Classifier(body, num_features, space.num_classes)
