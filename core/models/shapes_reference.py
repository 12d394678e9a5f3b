"""ShapesReference: the body of the shapes study with its heads, for classes, counts or both.

It flattens the whole image into one dense layer, which caps its accuracy; it is here to be compared with. Which of the
losses are trained is a setting of the training. The network that goes beyond it is shapes_net.py.
"""

from math import prod
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from core.exceptions import IncompatibleModel
from core.labels import LabelSpace
from core.models.base import Architecture, Outputs
from core.models.convolutions import Convolution, convolution_stack
from core.models.layers import dense_stack, squared_distances

KERNEL_SIZE = 3
HEAD_DROPOUT = 0.5


class ShapesReference(Architecture):
    """Convolutions at the image's full size, one dense layer over all their pixels, a head for classes and one for counts."""

    name: Literal["shapes-reference"] = Field(
        "shapes-reference", description="Family of the network."
    )
    channels: tuple[Annotated[int, Field(ge=1, le=512)], ...] = Field(
        (8, 16, 32, 64),
        min_length=1,
        max_length=10,
        description="Channels that leave each 3x3 convolution, from the image on; none shrinks the image.",
        json_schema_extra={"unit": "channels"},
    )
    num_features: int = Field(
        256,
        ge=1,
        le=4096,
        description="Features of the dense layer that feeds the heads.",
        json_schema_extra={"unit": "features"},
    )
    head: Literal["linear", "dropout"] = Field(
        "dropout",
        description="What the heads do: plain linear, or the same after half of the features are dropped in training.",
    )
    class_head: Literal["trained", "from-counts"] = Field(
        "trained",
        description="Where the classes come from: a head of their own, or how near the predicted counts are to each class's.",
    )

    def build(self, image_shape: tuple[int, int, int], space: LabelSpace) -> nn.Module:
        """Return a network for these images, with a count head where the data set has counts.

        Without counts it predicts classes only, as the study's first regime does.

        Raises:
            IncompatibleModel: classes shall come from the counts, and the data set's classes imply none.
        """
        if self.class_head == "from-counts" and space.class_counts is None:
            raise IncompatibleModel(
                "A class_head from-counts needs a data set whose classes imply counts, such as shapes; this one has "
                f"{space.num_classes} classes and no counts. Set model.class_head=trained."
            )
        convolutions = [
            Convolution(num_channels, KERNEL_SIZE, padding=1, has_pooling=False)
            for num_channels in self.channels
        ]
        layers, shape = convolution_stack(image_shape, convolutions, "Take larger images.")
        dense, num_features = dense_stack(prod(shape), (self.num_features,))
        return ReferenceNetwork(
            body=nn.Sequential(*layers, nn.Flatten(), *dense),
            class_head=(
                CountLogits(torch.tensor(space.class_counts, dtype=torch.float32))
                if self.class_head == "from-counts"
                else self._head(num_features, space.num_classes)
            ),
            count_head=self._head(num_features, space.num_counts) if space.num_counts else None,
        )

    def _head(self, num_features: int, num_outputs: int) -> nn.Module:
        linear = nn.Linear(num_features, num_outputs)
        return linear if self.head == "linear" else nn.Sequential(nn.Dropout(HEAD_DROPOUT), linear)


class CountLogits(nn.Module):
    """Logits that say how near predicted counts are to those of each class; nothing in it is trained.

    They are the log likelihoods, up to a constant, of counts whose errors are normal with variance 1.

    Args:
        class_counts: (K, T), the counts that each class implies.
    """

    class_counts: Tensor

    def __init__(self, class_counts: Tensor) -> None:
        super().__init__()
        # The label space gives them again whenever the network is built, so they are not part of the weights.
        self.register_buffer("class_counts", class_counts, persistent=False)

    def forward(self, counts: Tensor) -> Tensor:
        """Map predicted counts (B, T) to logits (B, K)."""
        return -squared_distances(counts, self.class_counts) / 2


class ReferenceNetwork(nn.Module):
    """A body with D features, a head for K classes and perhaps one for T counts.

    Args:
        body: maps (B, C, H, W) to (B, D).
        class_head: maps the features (B, D), or if it is a `CountLogits` the counts (B, T), to logits (B, K).
        count_head: maps (B, D) to (B, T); None predicts no counts.
    """

    def __init__(
        self, body: nn.Module, class_head: nn.Module, count_head: nn.Module | None
    ) -> None:
        super().__init__()
        self.body = body
        self.count_head = count_head
        self.class_head = class_head
        self.is_class_from_counts = isinstance(class_head, CountLogits)

    def forward(self, images: Tensor) -> Outputs:
        """Map (B, C, H, W) images in [0, 1] to logits (B, K) and, with a count head, counts (B, T)."""
        features = self.body(images)  # (B, D)
        counts = None if self.count_head is None else self.count_head(features)  # (B, T)
        logits = self.class_head(counts if self.is_class_from_counts else features)  # (B, K)
        return Outputs(logits, counts)
