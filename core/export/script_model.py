"""The part "Model" of a script: the classes that the network is made of, and a call that builds it again.

The call is read off the built network, so it names plain numbers, and makes the layers in the same order: the same seed
gives the same weights. A layer that is not known here is refused.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from core.exceptions import InvalidParameter
from core.export.script_sources import Sources
from core.labels import LabelSpace
from core.models.fashion_net import FashionNetwork, SkipBlock
from core.models.layers import Classifier
from core.models.shapes_net import ResidualBlock, ShapesNetwork
from core.models.shapes_reference import CountLogits, ReferenceNetwork
from core.models.standardised import Standardised

_TAB = "    "
_TORCH = (
    nn.Sequential,
    nn.Linear,
    nn.Conv2d,
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.ReLU,
    nn.GELU,
    nn.Dropout,
    nn.Dropout2d,
    nn.MaxPool2d,
    nn.AdaptiveAvgPool2d,
    nn.ZeroPad2d,
    nn.Flatten,
)
_CLASS_COUNTS = "torch.tensor(CLASS_COUNTS, dtype=torch.float32)"


def model_part(network: nn.Module, sources: Sources) -> str:
    """Return the classes of a network and `build_network()`.

    Args:
        network: as `core.models.forward.build_network` gives it, on any device; only its settings are read.
        sources: takes over what the classes use.

    Raises:
        InvalidParameter: a layer is of a kind that a script cannot hold.
    """
    expression = _expression(network, sources)
    classes = sources.new_text()
    return f'''{classes}


def build_network() -> nn.Module:
    """Return the network with the first weights that the seed gives."""
    torch.manual_seed(SEED)
    network = {_indented(expression)}
    # Convolutions run faster so; nothing else about the network changes.
    return network.to(memory_format=torch.channels_last)
'''


def model_file(network: nn.Module, space: LabelSpace) -> str:
    """Return a module of plain PyTorch with `build_network()`, whose weights are still to be loaded.

    Args:
        network: as for `model_part`.
        space: its classes and counts.

    Raises:
        InvalidParameter: a layer is of a kind that a script cannot hold.
    """
    sources = Sources(frozenset({"CLASS_COUNTS"}))
    sources.imports["torch"] = {(None, "torch"), ("Tensor", "Tensor"), ("nn", "nn")}
    text = model_part(network, sources)
    settings = "SEED = 0  # of the first weights, which those of the file replace\n"
    if "CLASS_COUNTS" in text:
        rows = "".join(f"    {row},\n" for row in space.class_counts or ())
        settings += f"CLASS_COUNTS = (\n{rows})\n"
    return (
        f'"""The network of model.safetensors, in plain PyTorch."""\n\n{sources.import_lines()}\n\n'
        f"{settings}\n\n{text.strip()}\n"
    )


def _expression(module: nn.Module, sources: Sources) -> str:
    """Return a call that makes a module again, on several lines where it holds others."""
    kind = type(module)
    if kind is nn.Sequential:
        return _call("nn.Sequential", [_expression(one, sources) for one in module.children()])
    if kind in _TORCH:
        return f"nn.{kind.__name__}({', '.join(_torch_arguments(module))})"
    if kind not in _OWN:
        raise InvalidParameter(f"A plain script cannot yet hold the layer {kind.__name__}.")
    arguments = _OWN[kind](module)
    sources.add(kind)
    told = [
        f"{name}={_expression(one, sources) if isinstance(one, nn.Module) else one}"
        for name, one in arguments.items()
    ]
    return _call(kind.__name__, told)


def _torch_arguments(layer: nn.Module) -> list[str]:
    """Return those arguments of a layer of torch that are not its defaults."""
    told: list[str] = []
    for name, parameter in inspect.signature(type(layer).__init__).parameters.items():
        if not hasattr(layer, name) or name == "self":
            continue
        value = getattr(layer, name)
        if name == "bias":
            value = value is not None
        value = _plain(value)
        if parameter.default is inspect.Parameter.empty:
            told.append(repr(value))
        # Of a pooling the stride is its size where none is given.
        elif value != _plain(parameter.default) and not (
            name == "stride" and parameter.default is None and value == _plain(layer.kernel_size)
        ):
            told.append(f"{name}={value!r}")
    return told


def _plain(value: Any) -> Any:
    """Return (3, 3) as 3."""
    return value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value


def _classifier(network: Classifier) -> Mapping[str, Any]:
    head = network.class_head
    return {
        "body": network.body,
        "num_features": head.in_features,
        "num_classes": head.out_features,
    }


def _reference(network: ReferenceNetwork) -> Mapping[str, Any]:
    return {
        "body": network.body,
        "class_head": network.class_head,
        "count_head": network.count_head,
    }


def _shapes(network: ShapesNetwork) -> Mapping[str, Any]:
    stem, first, dropout = network.body[0], network.class_head[0], network.class_head[2]
    assert isinstance(stem, nn.Conv2d)
    assert isinstance(first, nn.Linear) and isinstance(dropout, nn.Dropout)
    return {
        "in_channels": stem.in_channels,
        "class_counts": _CLASS_COUNTS,
        "channels": stem.out_channels,
        "num_blocks": sum(isinstance(one, ResidualBlock) for one in network.body),
        "num_features": network.count_head.in_features,
        "hidden_features": first.out_features,
        "dropout": dropout.p,
    }


def _fashion(network: FashionNetwork) -> Mapping[str, Any]:
    blocks = [one for one in network.body if isinstance(one, SkipBlock)]
    border = next((-one.padding[0] for one in network.body if isinstance(one, nn.ZeroPad2d)), 0)
    convolutions = [_convolution(one) for one in blocks]
    first = blocks[0].layers[0]
    assert isinstance(first, nn.Conv2d)
    return {
        "in_channels": first.in_channels,
        "convolutions": _call("", convolutions, "[]"),
        "num_classes": network.class_head.out_features,
        "border": border,
        "logit_scale": network.logit_scale,
    }


def _convolution(block: SkipBlock) -> str:
    layer = block.layers[0]
    assert isinstance(layer, nn.Conv2d)
    has_pooling = any(isinstance(one, nn.MaxPool2d) for one in block.layers)
    return (
        f"Convolution({layer.out_channels}, {_plain(layer.kernel_size)}, "
        f"padding={_plain(layer.padding)}, has_batch_norm=True, has_pooling={has_pooling})"
    )


def _standardised(network: Standardised) -> Mapping[str, Any]:
    return {"network": network.network, "num_channels": len(network.mean)}


_OWN: dict[type[nn.Module], Callable[[Any], Mapping[str, Any]]] = {
    Classifier: _classifier,
    FashionNetwork: _fashion,
    ShapesNetwork: _shapes,
    ReferenceNetwork: _reference,
    CountLogits: lambda layer: {"class_counts": _CLASS_COUNTS},
    Standardised: _standardised,
}


def _call(name: str, arguments: Sequence[str], brackets: str = "()") -> str:
    lines = "".join(f"\n{_TAB}{_indented(one)}," for one in arguments)
    return f"{name}{brackets[0]}{lines}\n{brackets[1]}"


def _indented(text: str) -> str:
    return text.replace("\n", f"\n{_TAB}")
