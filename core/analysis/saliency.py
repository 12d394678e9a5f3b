"""Saliency: which pixels of one image decide what a network says of it, as a map for each class asked about.

Three ways to ask: how the class's logit changes with each pixel (gradient), how far its probability falls when a patch is
covered (occlusion), and where the last feature maps speak for it (Grad-CAM, with the extra "explain"). All ask the
network itself: averaging over views, where a run's settings have it, is left out.
"""

import importlib.util
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from core.analysis.features import BODY
from core.exceptions import IncompatibleModel, InvalidParameter, UnknownName
from core.inference import Predictor
from core.models.forward import layer_named, predict, to_input
from core.models.layers import layer_table

METHODS = ("gradient", "occlusion", "grad-cam")
INSTALL_CAPTUM = (
    "Grad-CAM needs the package captum, which is not installed: pip install 'petridish[explain]', "
    "then start the dashboard again."
)

MOST_POSITIONS = 400
"""Places of the patch: with more, it moves in larger steps. One question must be answered at once."""
_PATCHES_ACROSS = 6
_BATCH_SIZE = 256


def has_grad_cam() -> bool:
    """Return whether Grad-CAM's package is installed; looks for it without importing it."""
    return importlib.util.find_spec("captum") is not None


def saliency(
    predictor: Predictor, image: NDArray[np.uint8], labels: Sequence[int], method: str
) -> NDArray[np.float32]:
    """Return a map for each class.

    Args:
        predictor: of the run.
        image: (C, H, W) uint8.
        labels: classes asked about, each in [0, K).
        method: one of `METHODS`.

    Returns:
        (len(labels), H, W), see the functions of the methods for units.

    Raises:
        UnknownName: there is no such method.
        InvalidParameter: a label is no class, or the package of the method is not installed.
        IncompatibleModel: the image does not fit the network, or the network has no feature map.
    """
    ways = {"gradient": gradient, "occlusion": occlusion, "grad-cam": grad_cam}
    if method not in ways:
        raise UnknownName("method of saliency", method, ways)
    predictor.require_fitting(image[None])
    wrong = [one for one in labels if not 0 <= one < predictor.space.num_classes]
    if wrong or not labels:
        raise InvalidParameter(
            f"labels must lie in [0, {predictor.space.num_classes}), at least one; got {list(labels)}."
        )
    return ways[method](predictor, image, labels)


def gradient(
    predictor: Predictor, image: NDArray[np.uint8], labels: Sequence[int]
) -> NDArray[np.float32]:
    """Return how much each class's logit changes with each pixel, in logits per full grey range; at least 0.

    The largest over the channels of the absolute derivative at the image; arguments as for `saliency`.

    Source: Simonyan, Vedaldi and Zisserman 2014, "Deep Inside Convolutional Networks", section 3.1.
    """
    pixels = to_input(torch.tensor(image[None]).to(predictor.device)).requires_grad_()
    with torch.enable_grad():
        logits = predictor.network(pixels).logits[0]  # (K,)
        maps = [
            torch.autograd.grad(logits[label], pixels, retain_graph=True)[0][0].abs().amax(dim=0)
            for label in labels
        ]
    return torch.stack(maps).float().cpu().numpy()


def occlusion(
    predictor: Predictor,
    image: NDArray[np.uint8],
    labels: Sequence[int],
    side: int | None = None,
    stride: int | None = None,
) -> NDArray[np.float32]:
    """Return how far each class's probability falls when the neighbourhood of a pixel is covered, in [-1, 1].

    A square patch slides over the image, cut off at its border, and covers it with the image's most frequent value of
    each channel, mostly its background. A pixel gets the mean over the patches that cover it; below 0 the class becomes
    more probable without it.

    Args:
        predictor: of the run.
        image: (C, H, W) uint8.
        labels: classes.
        side: of the patch in pixels; by default a sixth of the image's shorter side.
        stride: step of the patch in pixels; by default half its side, more where that gives too many places.

    Raises:
        InvalidParameter: side or stride is below 1.

    Source: Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 4.2, there in grey.
    """
    _, height, width = image.shape
    side = max(1, round(min(height, width) / _PATCHES_ACROSS)) if side is None else side
    stride = _stride(height, width, side) if stride is None else stride
    if side < 1 or stride < 1:
        raise InvalidParameter(f"side and stride must be at least 1; got {side} and {stride}.")
    places = [
        (row, column)
        for row in _starts(height, side, stride)
        for column in _starts(width, side, stride)
    ]
    fill = np.array([np.bincount(one.ravel(), minlength=256).argmax() for one in image], np.uint8)
    whole = _probabilities(predictor, image[None])[0, list(labels)]
    total = np.zeros((len(labels), height, width))
    times = np.zeros((height, width))
    for start in range(0, len(places), _BATCH_SIZE):
        block = places[start : start + _BATCH_SIZE]
        covered = np.repeat(image[None], len(block), axis=0)
        for number, (row, column) in enumerate(block):
            covered[number, :, max(row, 0) : row + side, max(column, 0) : column + side] = fill[
                :, None, None
            ]
        falls = whole - _probabilities(predictor, covered)[:, list(labels)]  # (b, L)
        for (row, column), fall in zip(block, falls, strict=True):
            rows, columns = slice(max(row, 0), row + side), slice(max(column, 0), column + side)
            total[:, rows, columns] += fall[:, None, None]
            times[rows, columns] += 1
    return (total / np.maximum(times, 1)).astype(np.float32)


def grad_cam(
    predictor: Predictor, image: NDArray[np.uint8], labels: Sequence[int]
) -> NDArray[np.float32]:
    """Return where the network's last feature maps speak for each class, at least 0, without a unit.

    Each map counts by the mean gradient of the class's logit; what speaks against the class is cut off; pixels between
    those of the maps are interpolated. Arguments as for `saliency`.

    Raises:
        InvalidParameter: captum is not installed.
        IncompatibleModel: the network has no feature map that knows places.

    Source: Selvaraju et al. 2017, "Grad-CAM", section 3.
    """
    layer = layer_named(predictor.network, map_layer(predictor.network, predictor.image_shape))
    try:
        from captum.attr import LayerGradCam
    except ImportError:
        raise InvalidParameter(INSTALL_CAPTUM) from None

    pixels = to_input(torch.tensor(image[None]).to(predictor.device)).requires_grad_()
    cam = LayerGradCam(lambda batch: predictor.network(batch).logits, layer)
    maps: list[Tensor] = []
    with torch.enable_grad():
        for label in labels:
            found = cam.attribute(pixels, target=int(label), relu_attributions=True)
            assert isinstance(found, Tensor)  # of one layer with one output
            wide = functional.interpolate(
                found.detach(), image.shape[1:], mode="bilinear", align_corners=False
            )
            maps.append(wide[0, 0])
    return torch.stack(maps).float().cpu().numpy()


def map_layer(network: nn.Module, image_shape: tuple[int, int, int]) -> str:
    """Return the last layer before the classifier that gives maps (D, H, W) of more than one pixel.

    Args:
        network: as for `layer_table`.
        image_shape: C, H, W.

    Raises:
        IncompatibleModel: none does.
    """
    maps = [
        row.layer
        for row in layer_table(network, image_shape)
        if row.layer.startswith(f"{BODY}.")
        and row.multiply_adds
        and len(row.output_shape) == 3
        and row.output_shape[1] * row.output_shape[2] > 1
    ]
    if not maps:
        raise IncompatibleModel(
            "Grad-CAM needs a network with convolutions; this one has no feature map that knows places. "
            "Take gradient or occlusion."
        )
    return maps[-1]


def _probabilities(predictor: Predictor, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    logits, _ = predict(predictor.network, images, _BATCH_SIZE, predictor.device)
    return functional.softmax(torch.from_numpy(logits).double(), dim=1).numpy()


def _starts(size: int, side: int, stride: int) -> range:
    """Return where patches begin, so that every pixel, also at the border, is covered about equally often."""
    return range(stride - side, size, stride)


def _stride(height: int, width: int, side: int) -> int:
    stride = (side + 1) // 2
    while len(_starts(height, side, stride)) * len(_starts(width, side, stride)) > MOST_POSITIONS:
        stride += 1
    return stride
