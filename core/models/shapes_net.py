"""ShapesNet: a residual network that counts, and names the class whose counts it comes nearest.

Counting is a sum over the image, so the body ends in global average pooling instead of flattening. The class logits
come from a small network and from how far the predicted counts are from those that each class implies.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from core.exceptions import IncompatibleModel
from core.labels import LabelSpace
from core.models.base import Architecture, Outputs
from core.models.layers import squared_distances

# Start of the learnt scale: of the magnitude at which neighbouring classes (squared distance 2) differ noticeably,
# and the first predictions, far from all classes, do not yet drown the small network's logits.
INITIAL_SCALE = 0.1


class ShapesNet(Architecture):
    """Residual body with global average pooling and two heads: counts, and classes that agree with them."""

    name: Literal["shapes-net"] = Field("shapes-net", description="Family of the network.")
    channels: int = Field(
        32,
        ge=1,
        le=512,
        description="Channels of the stem and of every residual block.",
        json_schema_extra={"unit": "channels"},
    )
    num_blocks: int = Field(
        3,
        ge=0,
        le=16,
        description="Residual blocks of two 3x3 convolutions at half the image's size.",
    )
    num_features: int = Field(
        128,
        ge=1,
        le=2048,
        description="Features that are averaged over the image and feed both heads.",
        json_schema_extra={"unit": "features"},
    )
    hidden_features: int = Field(
        256,
        ge=1,
        le=4096,
        description="Features of the hidden layer in the class head.",
        json_schema_extra={"unit": "features"},
    )
    dropout: float = Field(
        0.3,
        ge=0,
        lt=1,
        description="Share of the class head's hidden features set to zero in training.",
    )

    def build(self, image_shape: tuple[int, int, int], space: LabelSpace) -> nn.Module:
        """Return a network for these images with a head for classes and one for counts.

        Raises:
            IncompatibleModel: the data set's classes imply no counts.
        """
        if space.class_counts is None:
            raise IncompatibleModel(
                "The count head of shapes-net needs a data set whose classes imply counts, such as shapes; "
                f"this one has {space.num_classes} classes and no counts. Take a dense or conv variant."
            )
        return ShapesNetwork(
            in_channels=image_shape[0],
            class_counts=torch.tensor(space.class_counts, dtype=torch.float32),
            channels=self.channels,
            num_blocks=self.num_blocks,
            num_features=self.num_features,
            hidden_features=self.hidden_features,
            dropout=self.dropout,
        )


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch norm whose result is added to what came in.

    Source: He et al. 2016, "Deep Residual Learning for Image Recognition", figure 2.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.activation = nn.ReLU()

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C, H, W)."""
        return self.activation(features + self.layers(features))


class CountDistance(nn.Module):
    """Penalty on each class for the squared distance between predicted counts and its own.

    Args:
        class_counts: (K, T), the counts that each class implies.
    """

    class_counts: Tensor

    def __init__(self, class_counts: Tensor) -> None:
        super().__init__()
        # The label space gives them again whenever the network is built, so they are not part of the weights.
        self.register_buffer("class_counts", class_counts, persistent=False)
        self.scale = nn.Parameter(torch.tensor(INITIAL_SCALE))

    def forward(self, counts: Tensor) -> Tensor:
        """Map predicted counts (B, T) to a penalty (B, K)."""
        return self.scale * squared_distances(counts, self.class_counts)  # (B, K)


class ShapesNetwork(nn.Module):
    """The network of `ShapesNet`, from plain values; see there for their meaning.

    Args:
        in_channels: channels of the images.
        class_counts: (K, T), the counts that each class implies.
    """

    def __init__(
        self,
        in_channels: int,
        class_counts: Tensor,
        channels: int,
        num_blocks: int,
        num_features: int,
        hidden_features: int,
        dropout: float,
    ) -> None:
        super().__init__()
        num_classes, num_counts = class_counts.shape
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, channels, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            *(ResidualBlock(channels) for _ in range(num_blocks)),
            nn.Conv2d(channels, num_features, 1),
            nn.BatchNorm2d(num_features),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.count_head = nn.Linear(num_features, num_counts)
        self.class_head = nn.Sequential(
            nn.Linear(num_features, hidden_features),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_features, num_classes),
        )
        self.count_distance = CountDistance(class_counts)

    def forward(self, images: Tensor) -> Outputs:
        """Map (B, C, H, W) images in [0, 1] to logits (B, K) and counts (B, T)."""
        features = self.body(images)  # (B, D)
        counts = self.count_head(features)  # (B, T)
        return Outputs(self.class_head(features) - self.count_distance(counts), counts)
