"""check(): whether settings fit the data, said before anything is written; notes(): what is worth knowing of those that do.

Apart from submit.py because pages ask it at every change of a form, and workers repeat the notes in the run.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from core.config import RunConfig
from core.datasets.base import Dataset
from core.exceptions import InvalidParameter
from core.models.base import Outputs
from core.models.layers import check_batch_size
from core.plans import fitted_batch_size
from core.variants import VARIANTS

LARGEST_SEED = 2**31 - 1


def check(dataset: Dataset, config: RunConfig, seed: int) -> None:
    """Check that the settings fit the data, without spending memory on a network.

    Raises:
        InvalidInput: they do not.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise InvalidParameter(f"seed must lie in [0, {LARGEST_SEED}]; got {seed}.")
    num_samples = len(dataset.split("train"))
    num_rows = num_samples * config.augmentation.num_copies
    fitting = fitted_batch_size(32, num_samples)
    for training in config.stage_configs:
        if training.batch_size > num_rows:
            raise InvalidParameter(
                f"training.batch_size must be at most the {num_rows} training samples of "
                f"{dataset.name!r}; got {training.batch_size}. Take {fitting}: on the page "
                "Train under 'Batch size', or for several variants under 'Changes for all runs'; on the command line "
                f"with --set training.batch_size={fitting}."
            )
    with torch.device("meta"):
        network = config.model.build(dataset.image_shape, dataset.space)
    smallest = min(training.batch_size for training in config.stage_configs)
    check_batch_size(network, dataset.image_shape, smallest)
    _check_heads(network, dataset, config)
    config.augmentation.check(dataset.image_shape, dataset.space)


def notes(dataset: Dataset, config: RunConfig) -> list[str]:
    """Return, in sentences, what is allowed and worth knowing.

    Of a batch size that few images ask for, what augmentation does to labels, classes never trained.
    """
    found = _of_batch_size(len(dataset.split("train")), config)
    found += config.augmentation.notes(dataset.space)
    usual = type(config.training).model_fields["count_loss_weight"].default
    if not dataset.space.num_counts and config.training.count_loss_weight not in (0, usual):
        found.append(
            f"training.count_loss_weight is {config.training.count_loss_weight:g} and means nothing here: "
            "the data set has no counts, and the classes alone are trained."
        )
    trained = set(np.unique(dataset.split("train").labels).tolist())
    names = dataset.space.class_names
    for name in ("validation", "test"):
        unseen = sorted(set(np.unique(dataset.split(name).labels).tolist()) - trained)
        if unseen:
            listed = ", ".join(repr(names[label]) for label in unseen[:3])
            more = f" and {len(unseen) - 3} more" if len(unseen) > 3 else ""
            found.append(
                f"The {name} split has {len(unseen)} of {len(names)} classes that the training split lacks: "
                f"{listed}{more}. They cannot be learnt."
            )
    return found


def notes_of_all(said: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """Return the notes of several configs, each once; one that not all have begins with the variants that have it.

    Args:
        said: name of the variant and notes, of each config.
    """
    having: dict[str, dict[str, None]] = {}
    for variant, sentences in said:
        for note in sentences:
            having.setdefault(note, {})[variant] = None
    num_variants = len({variant for variant, _ in said})
    return [
        note if len(variants) == num_variants else f"in {', '.join(variants)}: {note}"
        for note, variants in having.items()
    ]


def _of_batch_size(num_samples: int, config: RunConfig) -> list[str]:
    """Say that the recipe was fitted to few images (`core.plans.fitted`)."""
    if config.variant not in VARIANTS:
        return []
    usual, size = VARIANTS[config.variant].training.batch_size, config.training.batch_size
    if size == usual or size != fitted_batch_size(usual, num_samples):
        return []
    return [f"Batch size {size} instead of {usual}: there are only {num_samples} training images."]


def _check_heads(network: nn.Module, dataset: Dataset, config: RunConfig) -> None:
    """Refuse to leave the classes untrained unless they follow from the counts."""
    if config.training.class_loss_weight > 0:
        return
    with torch.no_grad():
        image = torch.zeros(1, *dataset.image_shape, device="meta")
        outputs: Outputs = network.eval()(image)
    follows = getattr(config.model, "class_head", None) == "from-counts"
    if outputs.counts is None or not follows:
        raise InvalidParameter(
            "training.class_loss_weight must be above 0 unless the classes follow from the counts, or the class head "
            "would never be trained; got 0. Take model shapes-reference with model.class_head=from-counts."
        )
