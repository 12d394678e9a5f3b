"""The text of a run's script: which parts it has, what it imports, its settings and the history to compare with.

Everything is read off the run's own settings, resolved as they were submitted. What a script cannot hold is refused
where it is met, in the module of that part: a script never trains in another way than its run did.
"""

import ast
import math
from typing import Any

import torch
from torch import nn

from core.config import RunConfig, TrainingConfig
from core.datasets.imported import Imported
from core.exceptions import DamagedRun, RunStateError
from core.export.script_augmentation import augmentation_part
from core.export.script_data import data_part, folder_note
from core.export.script_model import model_part
from core.export.script_sources import Sources, told
from core.export.script_templates import CHECK, TRAINING, chosen_lines
from core.inference import Predictor
from core.labels import LabelSpace
from core.runs.history_damage import history_damage
from core.runs.run import Run
from core.training.data import batch_bounds, epoch_order
from core.training.epoch import _computing
from core.training.metrics import cross_entropy, mean_or_nan, smooth_l1
from core.training.optimizers import learning_rate
from core.training.stopping import EarlyStopping, score
from core.training.tally import balanced_class_weights

MEASURED = ("train_loss", "validation_loss", "validation_accuracy")
"""What of each epoch a script carries and compares."""

TOLERANCE = {"train_loss": 2e-3, "validation_loss": 5e-3, "validation_accuracy": 5e-3}
"""How far an epoch may lie from the stored one. On the machine and with the torch of the run the difference is 0; another
processor rounds another way, and that grows with the epochs."""

_ONLY_WITH = {
    "momentum": "sgd",
    "is_nesterov": "sgd",
    "step_epochs": "steps_of_rate",
    "step_factor": "steps_of_rate",
    "class_weights": "class_weights",
    "gradient_clip": "clip",
    "ema_decay": "ema",
    "count_loss_weight": "count_loss",
    "is_input_standardised": None,  # the network says it
    "test_time_averaging": None,
    "precision": "precision",
}
"""Settings that a script has only with a feature; None: never."""

_GIVEN = frozenset({"TrainingConfig", "Split", "Augmentation", "CLASS_NAMES", "CLASS_COUNTS"})


def script_text(run: Run) -> tuple[str, list[str]]:
    """Return a script that trains as a run did, and sentences about what differs and what it has to be given.

    Args:
        run: a sound one, finished or not.

    Raises:
        InvalidParameter: a script cannot hold what the run does; the message names it.
        RunStateError: the run has finished no epoch yet, or has no weights.
        DamagedRun: what the run has stored cannot be read.
    """
    config = RunConfig.checked(run.config)
    rows = run.history()
    if not rows and run.state.epoch:
        raise DamagedRun(" ".join(history_damage(run)))
    if not rows:
        raise RunStateError(
            f"Run {run.id} has finished no epoch yet, so there is no history to compare with."
        )
    # Its weights are not used, but they tell what the images are and that the settings mean what they meant.
    predictor = Predictor.load(run)
    network, space, image_shape = predictor.network, predictor.space, predictor.image_shape
    features = _features(config, network, image_shape, space)
    if run.state.state != "finished" or rows[-1]["epoch"] < run.state.epoch:
        features.add("unfinished")
    sources = Sources(_GIVEN)
    data_settings, data = data_part(config.dataset, space, features, sources)
    augmentation = augmentation_part(config.augmentation, space, features, sources)
    model = model_part(network, sources)
    training = _training(features, sources)
    parts = {
        "Settings": _settings(run, config, image_shape, features, data_settings),
        "Data": data,
        "Augmentation" if not config.augmentation.is_identity else "Batches": augmentation,
        "Model": model,
        "Training": training,
        "Check": f"{_history(rows)}\n\n\n{chosen_lines(CHECK, features).strip()}",
    }
    body = "\n\n\n".join(
        f"# {name}\n# {'-' * 78}\n\n{text.strip()}" for name, text in parts.items()
    )
    text = (
        f"{_title(run, config, features)}\n\n{sources.import_lines()}\n\n\n{body}\n\n\n"
        'if __name__ == "__main__":\n    sys.exit(main())\n'
    )
    ast.parse(text)  # a slip of ours shows here, not at somebody's desk
    return text, _notes(run, config)


def _features(
    config: RunConfig, network: nn.Module, image_shape: tuple[int, int, int], space: LabelSpace
) -> set[str]:
    stages, training = config.stage_configs, config.training
    with torch.no_grad():
        outputs = network(torch.zeros(1, *image_shape))
    has_counts = outputs.counts is not None and space.num_counts > 0
    starts = {stage.starts_from for stage in config.stages[1:]}
    is_present = {
        "count_loss": has_counts and training.count_loss_weight > 0,
        "standardised": training.is_input_standardised,
        "stages": len(stages) > 1,
        "from_best": "best" in starts,
        "from_last": starts == {"last"},
        "sgd": any(one.optimizer == "sgd" for one in stages),
        "class_weights": any(one.class_weights != "none" for one in stages),
        "ema": any(one.ema_decay > 0 for one in stages),
        "clip": any(one.gradient_clip > 0 for one in stages),
        "steps_of_rate": any(one.schedule == "step" for one in stages),
        "precision": any(one.precision != "float32" for one in stages),
    }
    return {name for name, is_there in is_present.items() if is_there}


def _training(features: set[str], sources: Sources) -> str:
    sources.add(epoch_order, batch_bounds, learning_rate, EarlyStopping, score)
    sources.add(cross_entropy, mean_or_nan)
    if "count_loss" in features:
        sources.add(smooth_l1)
    if "class_weights" in features:
        sources.add(balanced_class_weights)
    if "precision" in features:
        sources.add(_computing)
    if "ema" in features:
        sources.import_from("torch.optim.swa_utils", "AveragedModel", "get_ema_multi_avg_fn")
    if "has_files" in features:
        sources.import_from("pathlib", "Path")
    for module in ("argparse", "sys", "torch"):
        sources.imports.setdefault(module, set()).add((None, module))
    sources.import_from("collections.abc", "Iterator")
    sources.import_from("dataclasses", "dataclass")
    sources.import_from("torch", "Tensor", "nn")
    sources.import_from("torch.nn", "functional")
    return f"{sources.new_text()}\n\n\n{chosen_lines(TRAINING, features).strip()}"


def _title(run: Run, config: RunConfig, features: set[str]) -> str:
    folder, where = " --data FOLDER" if "has_files" in features else "", ""
    if isinstance(config.dataset, Imported):
        folder = f" --data DATA/imported/{config.dataset.name}"
        where = (
            "\nDATA is Petridish's folder of data sets: $PETRIDISH_DATA where it is set, else petridish in your cache\n"
            "folder. Any other copy of the folder will do.\n"
        )
    return (
        f'"""Train {config.variant} on {config.dataset.name} with seed {run.seed} again, in plain PyTorch.\n\n'
        f"Written by Petridish from its run {run.id}. The script has all of the run's settings and trains as it did, on\n"
        "the CPU; at the end it compares what it measured with the run's history, which it carries.\n\n"
        f"    python THIS_FILE{folder} [--epochs N]\n"
        f"{where}"
        '"""'
    )


def _settings(
    run: Run,
    config: RunConfig,
    image_shape: tuple[int, int, int],
    features: set[str],
    of_data: str,
) -> str:
    threads = run.spec["resources"].get("threads", 1)
    threads = threads if isinstance(threads, int) else 1
    lines = [
        f"SEED = {run.seed}",
        f"IMAGE_SHAPE = {image_shape}  # channels, rows, columns",
        of_data.strip(),
        f'FINGERPRINT = "{_hexadecimal(run.spec["data_fingerprint"])}"  # of the data',
        f"NUM_THREADS = {threads}  # another number may round another way",
        "",
        "",
        "@dataclass(frozen=True)",
        "class TrainingConfig:",
        '    """How the weights are fitted in one stage."""',
        "",
    ]
    first = config.stage_configs[0]
    for name, value in first:
        if name not in _ONLY_WITH or _ONLY_WITH[name] in features:
            meaning = TrainingConfig.model_fields[name].description
            lines.append(f"    {name}: {type(value).__name__} = {told(value)}  # {meaning}")
    stages = [_stage(one, first) for one in config.stage_configs]
    if len(stages) == 1:
        lines += ["", "", f"STAGES = ({stages[0]},)"]
    else:
        lines += ["", "", "STAGES = (", *(f"    {one}," for one in stages), ")"]
    if "from_best" in features:
        starts = ", ".join(told(one.starts_from) for one in config.stages)
        lines.append(f"STARTS_FROM = ({starts})  # which weights of the stage before")
    return "\n".join(lines)


def _stage(config: TrainingConfig, first: TrainingConfig) -> str:
    of_first = dict(first)
    changed = [f"{name}={told(value)}" for name, value in config if value != of_first[name]]
    return f"TrainingConfig({', '.join(changed)})"


def _history(rows: list[dict[str, Any]]) -> str:
    lines = [
        f"MEASURED = {MEASURED}",
        "# How far an epoch may lie from the stored one. With the processor and torch of the run it is 0.",
        f"TOLERANCE = {TOLERANCE}",
        "# epoch, and what was measured at its end",
        "HISTORY = (",
    ]
    for row in rows:
        values = ", ".join(_number(row.get(name)) for name in MEASURED)
        lines.append(f"    ({int(row['epoch'])}, {values}),")
    return "\n".join([*lines, ")"])


def _number(value: Any) -> str:
    is_number = isinstance(value, int | float) and math.isfinite(value)
    return repr(float(value)) if is_number else "np.nan"


def _hexadecimal(text: str) -> str:
    return "".join(one for one in text if one in "0123456789abcdef")


def _notes(run: Run, config: RunConfig) -> list[str]:
    notes: list[str] = []
    if run.state.state != "finished":
        notes.append(
            f"Run {run.id} is not finished; the script stops after its {run.state.epoch} epochs."
        )
    device = run.state.device or "cpu"
    if not device.startswith("cpu"):
        notes.append(
            f"Run {run.id} was trained on {device}; the script trains on the CPU, whose rounding differs."
        )
    if config.training.test_time_averaging != "none":
        notes.append(
            "The script trains and validates; test_time_averaging, which is for the test split, is left out."
        )
    if folder := folder_note(config.dataset):
        notes.append(folder)
    return notes
