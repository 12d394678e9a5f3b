"""Predictor: from a run to predictions on any images, with the weights of its best epoch.

Beside training, and below everything that needs a model: the process that answers for models behind a page, saliency,
embeddings, robustness. It reads the run's folder and writes nothing. What a run said of its own splits is stored
(`core.runs.outputs`) and needs no network.
"""

import hashlib
import time
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from
from torch import nn

from core.config import RunConfig
from core.datasets.base import default_data_dir
from core.exceptions import (
    CoreError,
    DamagedRun,
    IncompatibleModel,
    InvalidParameter,
    RunStateError,
)
from core.labels import LabelSpace
from core.models.averaging import allowed_symmetries, averaged
from core.models.forward import EVALUATION_BATCH_SIZE, build_network, predict
from core.predictions import NO_PREDICTION
from core.runs import files
from core.runs.layout import RunLayout
from core.runs.run import Run

CPU = torch.device("cpu")

Averaging = Literal["none", "horizontal-flip", "symmetries"]
"""As `TrainingConfig.test_time_averaging`."""

# A worker renames the weights and then their manifest; in between they do not match, for some 12 ms.
_LOOKS, _LOOK_SECONDS = 4, 0.05


@dataclass(frozen=True)
class Predictor:
    """A run's network with its best weights.

    Attributes:
        run_id: whose it is.
        network: in evaluation mode, on the device.
        space: the classes and counts that it was trained on.
        image_shape: C, H, W of the images that it takes.
        has_count_head: whether training fitted its counts, if it gives any. Its class logits are always fitted, or follow
            from the counts: no other run is accepted.
        averaging: views of each image whose answers are averaged, as its settings say.
        device: where it computes.
    """

    run_id: str
    network: nn.Module
    space: LabelSpace
    image_shape: tuple[int, int, int]
    has_count_head: bool
    averaging: Averaging
    device: torch.device

    @classmethod
    def load(cls, run: Run, device: torch.device = CPU, *, data_dir: Path | None = None) -> Self:
        """Build a run's network and load the weights of its best epoch so far.

        Args:
            run: whose it is.
            device: where it shall compute.
            data_dir: folder of the data sets, the default one by default; only for weights of before the shape of the
                images was stored beside them.

        Raises:
            RunStateError: there are no weights yet.
            DamagedRun: the run is damaged, or its weights do not match their manifest or its network.
            InvalidParameter: another version wrote its settings, and they mean nothing here.
        """
        if run.damaged is not None:
            raise DamagedRun(f"Run {run.id} is damaged: {run.damaged}.")
        data, manifest = _best_weights(run.layout)
        try:
            config = RunConfig.checked(run.config)
        except InvalidParameter as error:
            raise InvalidParameter(f"Run {run.id}: {error}") from None
        space = _label_space(run.layout)
        image_shape = _image_shape(run.id, manifest, config, data_dir)
        network = build_network(
            config.model,
            image_shape,
            space,
            seed=run.seed or 0,
            is_standardised=config.training.is_input_standardised,
        )
        try:
            network.load_state_dict(tensors_from(data))
        except (SafetensorError, RuntimeError):
            raise DamagedRun(
                f"Run {run.id}: its best weights do not fit the network of its settings."
            ) from None
        return cls(
            run_id=run.id,
            network=network.to(device).eval(),
            space=space,
            image_shape=image_shape,
            has_count_head=config.training.count_loss_weight > 0,
            averaging=config.training.test_time_averaging,
            device=device,
        )

    @cached_property
    def num_bytes(self) -> int:
        """Memory of its weights."""
        return sum(one.nbytes for one in chain(self.network.parameters(), self.network.buffers()))

    def predict(
        self, images: NDArray[np.uint8], averaging: Averaging | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Return what the network says of images.

        Args:
            images: (B, C, H, W) uint8, of the shape that it was trained on.
            averaging: "none", "horizontal-flip" or "symmetries"; None as the run's settings say.

        Returns:
            logits (B, K), and counts (B, T) or None where no count head was trained.

        Raises:
            InvalidParameter: they are no batch of uint8 images.
            IncompatibleModel: they have another shape.
        """
        self.require_fitting(images)
        symmetries = allowed_symmetries(self.space, averaging or self.averaging, self.image_shape)
        if len(symmetries) > 1:
            logits, counts = averaged(
                self.network, images, self.space, symmetries, EVALUATION_BATCH_SIZE, self.device
            )
        else:
            logits, counts = predict(self.network, images, EVALUATION_BATCH_SIZE, self.device)
        return logits, counts if self.has_count_head else None

    def require_fitting(self, images: NDArray[Any]) -> None:
        """Check that the network takes these images.

        Raises:
            InvalidParameter: they are no batch of uint8 images.
            IncompatibleModel: they have another shape.
        """
        require_images(images)
        if images.shape[1:] != self.image_shape:
            raise IncompatibleModel(
                f"Run {self.run_id} was trained on images of {_in_words(self.image_shape)}; "
                f"got {_in_words(images.shape[1:])}."
            )


def require_images(images: NDArray[Any]) -> None:
    """Check that an array is a batch of images.

    Raises:
        InvalidParameter: it is not (B, C, H, W) uint8.
    """
    if images.dtype != np.uint8 or images.ndim != 4:
        raise InvalidParameter(
            f"images must be uint8 of shape (B, C, H, W); got {images.dtype} of shape {images.shape}."
        )


def most_probable(
    logits: NDArray[np.float32], top: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the most probable classes of each sample.

    Args:
        logits: (B, K).
        top: how many; all K if there are no more.

    Returns:
        labels and probabilities in [0, 1], both (B, min(top, K)), the most probable first, of equals the lower label.
        A sample whose logits are not all finite has no prediction: its labels are `NO_PREDICTION`, its probabilities NaN.
    """
    has_prediction = np.isfinite(logits).all(axis=1, keepdims=True)
    values = np.where(has_prediction, logits, 0).astype(np.float64)
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    # By logits, as `Predictions.predicted` has it: of probabilities that round to the same one, the larger logit leads.
    labels = np.argsort(-values, axis=1, kind="stable")[:, :top]
    chosen = np.take_along_axis(probabilities, labels, axis=1)
    return (
        np.where(has_prediction, labels, NO_PREDICTION),
        np.where(has_prediction, chosen, np.nan),
    )


def _best_weights(layout: RunLayout) -> tuple[bytes, dict[str, Any]]:
    """Return the bytes of the best weights, which match their manifest, and the manifest."""
    for look in range(_LOOKS):
        if look:
            time.sleep(_LOOK_SECONDS)
        try:
            manifest = files.read_json(layout.best_json)
        except FileNotFoundError:
            raise RunStateError(
                f"Run {layout.id} has no weights yet; they are stored when its first epoch ends."
            ) from None
        except DamagedRun as error:
            raise DamagedRun(f"Run {layout.id}: {error}.") from None
        try:
            # Read once: what is hashed is what is loaded.
            data = layout.best_weights.read_bytes()
        except OSError as error:
            raise DamagedRun(
                f"Run {layout.id}: {layout.best_weights.name} cannot be read: {error.strerror}."
            ) from None
        if hashlib.sha256(data).hexdigest() == manifest.get("sha256"):
            return data, manifest
    raise DamagedRun(f"Run {layout.id}: its best weights do not match their manifest.")


def _label_space(layout: RunLayout) -> LabelSpace:
    try:
        index = files.read_json(layout.predictions_index)
        return LabelSpace.from_json(index["label_space"])
    except (OSError, CoreError, ValueError, KeyError, TypeError, AttributeError):
        raise DamagedRun(
            f"Run {layout.id}: predictions/index.json does not say what its classes are."
        ) from None


def _image_shape(
    run_id: str, manifest: dict[str, Any], config: RunConfig, data_dir: Path | None
) -> tuple[int, int, int]:
    stored = manifest.get("image_shape")
    if stored is None:
        # Weights of before the shape stood beside them: their network alone does not tell height from width.
        return config.dataset.load(data_dir or default_data_dir()).image_shape
    match stored:
        case [int(channels), int(height), int(width)] if min(stored) > 0:
            return channels, height, width
    raise DamagedRun(f"Run {run_id}: best.json: image_shape is {stored!r}."[:200])


def _in_words(shape: tuple[int, ...]) -> str:
    channels, height, width = shape
    return f"{height}x{width} pixels and {channels} channel{'s' if channels != 1 else ''}"
