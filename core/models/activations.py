"""Dead neurons: the units of a network that are zero on every image that passes.

A watcher rather than a pass of its own, because training shows the network a fixed slice at each epoch's end anyway.
Only ReLU modules are watched; a ReLU called as a function, and other activations, have no layer to name.
"""

from types import TracebackType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.models.forward import predict
from core.models.standardised import unwrapped


class DeadNeurons:
    """Watches the ReLUs of a network while images pass; a context manager.

        with DeadNeurons(network) as dead:
            predict(network, images, batch_size, device)
        dead.shares()

    A unit is a channel of a feature map, or a feature of a dense layer.

    Args:
        network: any network that `build_network` returned; outside the `with` it is as it was.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._relus = {
            name: layer
            for name, layer in unwrapped(network).named_modules()
            if isinstance(layer, nn.ReLU)
        }
        self._is_alive: dict[str, Tensor] = {}
        self._passed: dict[str, int] = {}
        self._handles: list[torch.utils.hooks.RemovableHandle] = []

    def __enter__(self) -> Self:
        self._handles = [
            self._network.register_forward_pre_hook(lambda *_: self._passed.clear()),
            *(
                layer.register_forward_hook(
                    lambda _layer, _inputs, output, name=name: self._look(name, output)
                )
                for name, layer in self._relus.items()
            ),
        ]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def shares(self) -> dict[str, float]:
        """Return layer -> share of its units, in [0, 1], that were zero on every image so far.

        Layers have the names of `layer_table`. A ReLU that a pass uses several times gives several layers, "name",
        "name:2" and so on. A ReLU that no image passed is NaN; a network without ReLUs gives {}. Waits for the device.
        """
        seen = {name: (~alive).double().mean().item() for name, alive in self._is_alive.items()}
        unseen = {name: float("nan") for name in self._relus if name not in seen}
        return {**seen, **unseen}

    def _look(self, name: str, output: Tensor) -> None:
        number = self._passed[name] = self._passed.get(name, 0) + 1
        layer = name if number == 1 else f"{name}:{number}"
        if len(output) == 0:
            return
        others = [dim for dim in range(output.dim()) if dim != 1]
        # A look at once: what follows may change the output in place. Activations of ReLU are never below zero, and NaN
        # is not zero.
        is_alive = output.detach().amax(dim=others) != 0  # (D,)
        before = self._is_alive.get(layer)
        self._is_alive[layer] = is_alive if before is None else before | is_alive


def dead_shares(
    network: nn.Module,
    images: Tensor | NDArray[np.uint8],
    batch_size: int,
    device: torch.device,
) -> dict[str, float]:
    """Return layer -> share of its units that are zero on all images, in evaluation mode; see `DeadNeurons.shares`.

    Args:
        network: a network on the device; its mode is restored.
        images: (N, C, H, W) uint8.
        batch_size: images that pass at once.
        device: where the network is.
    """
    with DeadNeurons(network) as dead:
        predict(network, images, batch_size, device)
    return dead.shares()
