"""The exporter "onnx": the best weights of one run as an ONNX file, which other programs run, with a card.

    model.onnx   input "images" (B, C, H, W); outputs "logits" (B, K) and, where counts were trained, "counts" (B, T)
    README.md    what goes in, what comes out, how good it is, how to load it

Written by `torch.onnx.export`, which needs two optional packages.
"""

import importlib.util
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.exceptions import InvalidInput
from core.export.model_card import metadata, write_package
from core.runs.run import Run

if TYPE_CHECKING:
    from core.inference import Predictor

EXTRA = "onnx"
"""The extra of this package that brings what is needed."""

_LOADING = """
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
{outputs} = session.run(None, {{"images": images}})  # float32 in [0, 1]
powers = np.exp(logits - logits.max(axis=1, keepdims=True))
probabilities = powers / powers.sum(axis=1, keepdims=True)
"""


def has_onnx() -> bool:
    """Say whether the packages that write ONNX are installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("onnx", "onnxscript"))


def write_onnx(path: Path, runs: Sequence[Run], weights: bool = True) -> list[str]:
    """Write a folder, or a zip if the path ends in .zip, with an ONNX file and its card.

    Args:
        path: to make.
        runs: one, with weights.
        weights: of no meaning here.

    Returns:
        No sentences.

    Raises:
        InvalidInput: the packages that write ONNX are not installed.
        InvalidParameter: more than one run is asked for.
        RunStateError: the run has no weights yet.
        DamagedRun: what it has stored cannot be read.
    """
    if not has_onnx():
        raise InvalidInput(
            "ONNX files are written by the packages onnx and onnxscript, which are not installed:"
            f" pip install 'petridish[{EXTRA}]'."
        )
    write_package(path, runs, "An ONNX file", _make)
    return []


def _make(folder: Path, predictor: "Predictor") -> tuple[str, str, str]:
    import torch

    has_counts = predictor.has_count_head and predictor.space.num_counts > 0
    names = ["logits", "counts"] if has_counts else ["logits"]

    class Named(torch.nn.Module):
        """The network with a tuple of what is exported, and no None."""

        def __init__(self) -> None:
            super().__init__()
            self.network = predictor.network

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
            """Map images (B, C, H, W) to logits (B, K) and perhaps counts (B, T)."""
            return tuple(self.network(images))[: len(names)]

    # It says on standard error which packages it could do more with.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    # Of two images: a batch of one would be taken for a fixed size.
    example = torch.zeros(2, *predictor.image_shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch about itself
        program = torch.onnx.export(
            Named().eval(),
            (example,),
            input_names=["images"],
            output_names=names,
            dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    program.model.metadata_props.update(metadata(predictor.run_id, predictor))
    program.save(folder / "model.onnx", external_data=False)
    meaning = (
        f'The input is called "images"; the output "logits" (B, {predictor.space.num_classes}) gives probabilities by a softmax'
        + (', "counts" (B, T) the expected counts.' if has_counts else ".")
    )
    return "model.onnx", meaning, _LOADING.format(outputs=", ".join(names) + "," * (not has_counts))
