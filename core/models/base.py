"""Architecture: the settings of a network and how to build it; Outputs: what every network returns."""

from abc import abstractmethod
from typing import NamedTuple

from torch import Tensor, nn

from core.labels import LabelSpace
from core.settings import Settings


class Outputs(NamedTuple):
    """What a network says of a batch of B images.

    Attributes:
        logits: (B, K).
        counts: (B, T) expected counts, or None without a count head.
    """

    logits: Tensor
    counts: Tensor | None = None


class Architecture(Settings):
    """The settings of one family of networks. `name` tells the families apart."""

    name: str

    @abstractmethod
    def build(self, image_shape: tuple[int, int, int], space: LabelSpace) -> nn.Module:
        """Return a network for these images and labels, with freshly drawn weights.

        The network maps (B, C, H, W) float images in [0, 1] to `Outputs`.

        Args:
            image_shape: C, H, W.
            space: the classes and counts to predict.

        Raises:
            IncompatibleModel: the network cannot be built for them; the message names the layer.
        """
