"""FashionNet: a small network with skips and global max pooling, for clothes better than a hundred times its size.

Global pooling makes it independent of the image's size: it takes the 28x28 originals, and the same parameters fit the
32x32 images of the study. Its training recipe (crops, label smoothing, schedule) is settings of the training.
"""

from typing import Annotated, Literal

import pydantic
from pydantic import Field
from torch import Tensor, nn

from core.exceptions import IncompatibleModel
from core.labels import LabelSpace
from core.models.base import Architecture, Outputs
from core.models.convolutions import POOL_SIZE, Convolution, size_left

KERNEL_SIZE = 3


class FashionNet(Architecture):
    """3x3 convolutions with batch norm and GELU; those that keep channels and size add what they make to what came in."""

    name: Literal["fashion-net"] = Field("fashion-net", description="Family of the network.")
    channels: tuple[Annotated[int, Field(ge=1, le=2048)], ...] = Field(
        (16, 32, 32, 64, 64),
        min_length=1,
        max_length=20,
        description="Channels that leave each convolution; one that keeps channels and size gets a skip.",
        json_schema_extra={"unit": "channels"},
    )
    pooled_convolutions: tuple[Annotated[int, Field(ge=1, le=20)], ...] = Field(
        (2, 4),
        max_length=10,
        validate_default=True,  # it depends on channels
        description="Numbers, from 1, of the convolutions behind which max pooling halves the image.",
    )
    border: int = Field(
        0,
        ge=0,
        le=64,
        description="Pixels cut from each side of the image: with a shift as wide in training, that is a random crop.",
        json_schema_extra={"unit": "pixels"},
    )
    logit_scale: float = Field(
        0.25,
        gt=0,
        le=10,
        description="Factor on the logits; below 1 it keeps the first predictions from being too sure.",
    )

    @pydantic.field_validator("pooled_convolutions")
    @classmethod
    def _among_the_convolutions(
        cls, pooled: tuple[int, ...], info: pydantic.ValidationInfo
    ) -> tuple[int, ...]:
        channels = info.data.get("channels")
        if channels is not None and any(number > len(channels) for number in pooled):
            raise ValueError(
                f"must name some of the {len(channels)} convolutions of channels; got {max(pooled)}."
            )
        if len(set(pooled)) != len(pooled):
            raise ValueError(f"must name each convolution at most once; got {pooled}.")
        return pooled

    def build(self, image_shape: tuple[int, int, int], space: LabelSpace) -> nn.Module:
        """Return a network for these images; it predicts classes only, also where there are counts.

        Raises:
            IncompatibleModel: nothing is left of the image at some layer.
        """
        convolutions = [
            Convolution(
                channels=num_channels,
                kernel_size=KERNEL_SIZE,
                padding=1,
                has_batch_norm=True,
                has_pooling=number in self.pooled_convolutions,
            )
            for number, num_channels in enumerate(self.channels, start=1)
        ]
        num_channels, height, width = image_shape
        inner = (num_channels, height - 2 * self.border, width - 2 * self.border)
        if min(inner) < 1:
            raise IncompatibleModel(
                f"Nothing is left of a {height}x{width} image without its border of {self.border} pixels. "
                "Set a smaller model.border."
            )
        size_left(inner, convolutions, "Give model.pooled_convolutions fewer entries.")
        return FashionNetwork(
            num_channels, convolutions, space.num_classes, self.border, self.logit_scale
        )


class SkipBlock(nn.Module):
    """A convolution with batch norm and GELU; where shapes allow, what came in is added.

    Args:
        in_channels: channels that enter.
        convolution: its channels, kernel, padding and whether pooling follows the convolution.
    """

    def __init__(self, in_channels: int, convolution: Convolution) -> None:
        super().__init__()
        channels = convolution.channels
        # Batch norm has a shift of its own, so the convolution needs none. Pooling comes right behind the convolution:
        # batch norm and GELU then work on a quarter of the pixels.
        self.layers = nn.Sequential(
            nn.Conv2d(
                in_channels,
                channels,
                convolution.kernel_size,
                padding=convolution.padding,
                bias=False,
            ),
            *([nn.MaxPool2d(POOL_SIZE)] if convolution.has_pooling else []),
            nn.BatchNorm2d(channels),
            nn.GELU(),
        )
        self.has_skip = in_channels == channels and not convolution.has_pooling

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, D, H, W), or half of H and W with pooling."""
        made = self.layers(features)
        return features + made if self.has_skip else made


class GlobalMaxPool(nn.Module):
    """The largest value of each channel over the image."""

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C)."""
        # Not AdaptiveMaxPool2d: torch has no deterministic gradient of it on CUDA.
        return features.amax(dim=(2, 3))


class FashionNetwork(nn.Module):
    """The network of `FashionNet`, from plain values; see there for their meaning.

    Args:
        in_channels: channels of the images.
        convolutions: at least one; they keep the size but for pooling.
        num_classes: K.
        border: pixels cut from each side of the image.
        logit_scale: factor on the logits.
    """

    def __init__(
        self,
        in_channels: int,
        convolutions: list[Convolution],
        num_classes: int,
        border: int,
        logit_scale: float,
    ) -> None:
        super().__init__()
        entering = [in_channels, *(one.channels for one in convolutions)]
        self.body = nn.Sequential(
            # Negative padding cuts off.
            *([nn.ZeroPad2d(-border)] if border else []),
            *(
                SkipBlock(channels, one)
                for channels, one in zip(entering, convolutions, strict=False)
            ),
            GlobalMaxPool(),
        )
        self.class_head = nn.Linear(entering[-1], num_classes)
        self.logit_scale = logit_scale

    def forward(self, images: Tensor) -> Outputs:
        """Map (B, C, H, W) images in [0, 1] to logits (B, K), without counts."""
        return Outputs(self.class_head(self.body(images)) * self.logit_scale)
