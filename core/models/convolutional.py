"""Convolutional: 3x3 convolutions with pooling after each, then dense layers."""

from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from core.exceptions import IncompatibleModel
from core.labels import LabelSpace
from core.models.base import Architecture
from core.models.layers import Classifier, dense_stack

KERNEL_SIZE = 3
POOL_SIZE = 2


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

    def build(self, image_shape: tuple[int, int, int], space: LabelSpace) -> nn.Module:
        """Return a network for these images; it predicts classes only, also where there are counts.

        Raises:
            IncompatibleModel: nothing is left of the image at some layer.
        """
        num_channels, height, width = image_shape
        layers: list[nn.Module] = []
        for number, num_filters in enumerate(self.channels, start=1):
            smallest = KERNEL_SIZE - 2 * self.padding + POOL_SIZE - 1
            if min(height, width) < smallest:
                raise IncompatibleModel(
                    f"Convolution {number} of {len(self.channels)} with its pooling needs at least "
                    f"{smallest}x{smallest} pixels; {height}x{width} are left of the "
                    f"{image_shape[1]}x{image_shape[2]} image. {self._remedy()}"
                )
            # Pooling before ReLU gives the same values as after it, on a quarter of the pixels.
            layers += [
                nn.Conv2d(num_channels, num_filters, KERNEL_SIZE, padding=self.padding),
                nn.MaxPool2d(POOL_SIZE),
                nn.ReLU(),
            ]
            shrink = KERNEL_SIZE - 1 - 2 * self.padding
            num_channels = num_filters
            height, width = (height - shrink) // POOL_SIZE, (width - shrink) // POOL_SIZE
        dense, num_features = dense_stack(num_channels * height * width, self.dense_layers)
        body = nn.Sequential(*layers, nn.Flatten(), *dense)
        return Classifier(body, num_features, space.num_classes)

    def _remedy(self) -> str:
        if self.padding == 0:
            return "Set model.padding=1 or take variant conv-base-padded."
        return "Give model.channels fewer entries."
