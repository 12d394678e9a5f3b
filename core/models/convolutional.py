"""Convolutional: 3x3 convolutions with pooling after each, then dense layers."""

from math import prod
from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from core.labels import LabelSpace
from core.models.base import Architecture
from core.models.convolutions import Convolution, convolution_stack
from core.models.layers import Classifier, dense_stack

KERNEL_SIZE = 3


class Convolutional(Architecture):
    """3x3 convolutions, each halving the image by max pooling, then dense layers over what is left of it."""

    name: Literal["conv"] = Field("conv", description="Family of the network.")
    channels: tuple[Annotated[int, Field(ge=1, le=2048)], ...] = Field(
        (32, 64),
        min_length=1,
        max_length=10,
        description="Channels that leave each convolution, from the image on; each convolution halves the image.",
        json_schema_extra={"unit": "channels"},
    )
    padding: int = Field(
        0,
        ge=0,
        le=1,
        description="Pixels of zeros put around the image before each convolution; 1 keeps its size.",
        json_schema_extra={"unit": "pixels"},
    )
    dense_layers: tuple[Annotated[int, Field(ge=1, le=8192)], ...] = Field(
        (64,),
        max_length=32,
        description="Features that leave each dense layer between the convolutions and the head.",
        json_schema_extra={"unit": "features"},
    )
    has_batch_norm: bool = Field(
        False, description="Normalise each channel over the batch after every convolution."
    )
    channel_dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of whole channels set to zero in training, after each convolution's ReLU.",
    )

    def build(self, image_shape: tuple[int, int, int], space: LabelSpace) -> nn.Module:
        """Return a network for these images; it predicts classes only, also where there are counts.

        Raises:
            IncompatibleModel: nothing is left of the image at some layer.
        """
        convolutions = [
            Convolution(
                channels=num_channels,
                kernel_size=KERNEL_SIZE,
                padding=self.padding,
                has_batch_norm=self.has_batch_norm,
                channel_dropout=self.channel_dropout,
            )
            for num_channels in self.channels
        ]
        layers, shape = convolution_stack(image_shape, convolutions, self._remedy())
        dense, num_features = dense_stack(prod(shape), self.dense_layers)
        body = nn.Sequential(*layers, nn.Flatten(), *dense)
        return Classifier(body, num_features, space.num_classes)

    def _remedy(self) -> str:
        if self.padding == 0:
            return "Set model.padding=1 or take variant conv-base-padded."
        return "Give model.channels fewer entries."
