"""The exporter "safetensors": the best weights of one run, the network as plain PyTorch, and a card.

model.safetensors   the tensors, by the names of model.py; classes and image_shape in its header
model.py            `build_network()`, which imports torch and NumPy only
README.md           what goes in, what comes out, how good it is, how to load it
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.export.model_card import metadata, write_package
from core.runs.run import Run

if TYPE_CHECKING:
    from core.inference import Predictor

_LOADING = """
import torch
from safetensors.torch import load_file

from model import build_network

network = build_network()
network.load_state_dict(load_file("model.safetensors"))
network.eval()
with torch.inference_mode():
    logits, counts = network(images)  # float32 in [0, 1]
probabilities = logits.softmax(dim=1)
"""


def write_safetensors(path: Path, runs: Sequence[Run], weights: bool = True) -> list[str]:
    """Write a folder, or a zip if the path ends in .zip, with weights, network and card.

    Args:
        path: to make.
        runs: one, with weights.
        weights: of no meaning here.

    Returns:
        No sentences.

    Raises:
        InvalidParameter: more than one run is asked for, or its network has a layer that plain PyTorch cannot name.
        RunStateError: the run has no weights yet.
        DamagedRun: what it has stored cannot be read.
    """
    write_package(path, runs, "A file of weights", _make)
    return []


def _make(folder: Path, predictor: "Predictor") -> tuple[str, str, str]:
    from safetensors.torch import save

    from core.export.script_model import model_file

    tensors = {name: one.contiguous() for name, one in predictor.network.state_dict().items()}
    header = {"format": "pt", **metadata(predictor.run_id, predictor)}
    # Its own `save_file` hides why the disk refuses behind an error of its own.
    (folder / "model.safetensors").write_bytes(save(tensors, header))
    (folder / "model.py").write_text(
        model_file(predictor.network, predictor.space), encoding="utf-8"
    )
    has_counts = predictor.has_count_head and predictor.space.num_counts > 0
    second = "the expected counts (B, T)" if has_counts else "None, or counts that were not trained"
    meaning = (
        f"The network returns logits (B, {predictor.space.num_classes}), of which the softmax gives probabilities, and"
        f" {second}."
    )
    return "model.safetensors", meaning, _LOADING
