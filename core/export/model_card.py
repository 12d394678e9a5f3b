"""Weights with their card: what an exported network takes and gives, how good it is, and how to load it.

What the two exporters of networks share: the folder or zip that they make, and the README.md in it. The file of the
weights itself is written by safetensors_file.py and onnx_file.py.
"""

import hashlib
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.exceptions import CoreError
from core.export.plain_script import the_only
from core.runs import files
from core.runs.run import Run

if TYPE_CHECKING:
    from core.inference import Predictor

CARD = "README.md"
_DATE = (1980, 1, 1, 0, 0, 0)
"""Of files in a zip: the time of the export is nobody's business."""


def write_package(
    path: Path,
    runs: Sequence[Run],
    what: str,
    make: Callable[[Path, "Predictor"], tuple[str, str, str]],
) -> None:
    """Make a folder, or a zip if the path ends in .zip, with a network's files and their card.

    Args:
        path: to make.
        runs: one, with weights.
        what: is made, as a sentence begins: "An ONNX file".
        make: writes the files into a folder, and returns the name of the main one, a paragraph on its inputs and outputs, and
            the lines of Python that load it.

    Raises:
        InvalidParameter: more than one run is asked for.
        RunStateError: the run has no weights yet.
        DamagedRun: what it has stored cannot be read.
    """
    from core.inference import Predictor

    run = the_only(runs, what)
    predictor = Predictor.load(run)
    with tempfile.TemporaryDirectory(dir=path.parent) as aside:
        folder = path if path.suffix != ".zip" else Path(aside)
        if folder is path:
            files.make_folder(folder)
        name, meaning, loading = make(folder, predictor)
        text = card(run, predictor, folder / name, meaning, loading)
        (folder / CARD).write_text(text, encoding="utf-8")
        if folder is path:
            return
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for member in sorted(folder.iterdir()):
                packed.writestr(zipfile.ZipInfo(member.name, _DATE), member.read_bytes())


def card(run: Run, predictor: "Predictor", file: Path, meaning: str, loading: str) -> str:
    """Return what there is to say of an exported network, as Markdown.

    Args:
        run: whose it is.
        predictor: with its weights.
        file: of the weights.
        meaning: a paragraph on what goes in and what comes out.
        loading: lines of Python.
    """
    channels, height, width = predictor.image_shape
    rules = "\n".join(f"- {one}" for one in _preprocessing(run, predictor))
    classes = "\n".join(
        f"| {label} | {_as_code(name)} |" for label, name in enumerate(predictor.space.class_names)
    )
    counts = ", ".join(_as_code(name) for name in predictor.space.count_names)
    has_counts = predictor.has_count_head and predictor.space.num_counts > 0
    measured = "\n".join(f"- {one}" for one in _measured(run))
    epoch = run.state.best_epoch
    return f"""# {_as_code(run.variant or "?")} on {_as_code(run.dataset or "?")}, seed {run.seed}

An image classifier with {len(predictor.space.class_names)} classes, trained with Petridish: run {run.id}, the weights of its best epoch
by validation{f", {epoch}" if epoch else ""}.

## Input and output

Images of {height} rows and {width} columns with {channels} channel{"s" if channels > 1 else ""}: float32 (B, {channels}, {height}, {width}) in [0, 1], B any number.

{rules}

{meaning}{f" The counts are of {counts}, in this order." if has_counts else ""}

## How good it is

{measured}

## Load it

```python
{loading.strip()}
```

`{file.name}` has the SHA-256 `{hashlib.sha256(file.read_bytes()).hexdigest()}`.

## Classes

| number | class |
|---|---|
{classes}

Trained on data with the fingerprint `{_as_code(run.spec["data_fingerprint"]).strip("`")}`; what may be done with the weights depends on
the rights to those images as well.
"""


def metadata(run_id: str, predictor: "Predictor") -> dict[str, str]:
    """Return what a file of weights says of itself, as text: run, classes (JSON), image_shape (JSON)."""
    import orjson

    values: Mapping[str, Any] = {
        "classes": list(predictor.space.class_names),
        "counts": list(predictor.space.count_names) if predictor.has_count_head else [],
        "image_shape": list(predictor.image_shape),
    }
    return {"run": run_id, **{key: orjson.dumps(one).decode() for key, one in values.items()}}


def _preprocessing(run: Run, predictor: "Predictor") -> list[str]:
    rules = ["Divide bytes by 255; nothing else is to be done to the grey levels or colours."]
    if run.config["training"].get("is_input_standardised"):
        rules[0] = (
            "Divide bytes by 255; mean and spread of the training images are part of the weights."
        )
    match run.dataset:
        case "fashion":
            rules.append(
                "The 28x28 images of Fashion-MNIST got two rows and columns of zeros on each side."
            )
        case "shapes":
            rules.append("Ground is 0 and figures are 1.")
        case "digits":
            rules.append("Digits are bright on dark: scikit-learn's 0 to 16 became 0 to 1.")
    if predictor.averaging != "none":
        rules.append(
            f"On test, Petridish averaged the answers over several views of each image ({predictor.averaging}); "
            "these files answer for one view."
        )
    return rules


def _measured(run: Run) -> list[str]:
    from core.evaluation.accuracy import accuracy

    found: list[str] = []
    for split in ("test", "validation"):
        try:
            predictions = run.predictions(split)
        except CoreError:
            continue  # not trained to the end, or left out of an archive
        row = accuracy(predictions).iloc[0]
        found.append(
            f"Accuracy on {split}: {row.accuracy:.2%} of {int(row.samples):,} images (95 % interval"
            f" {row.low:.2%} to {row.high:.2%} for other images alike; another seed may lie beyond it)."
        )
    best = next((one for one in run.history() if one["epoch"] == run.state.best_epoch), {})
    error = best.get("validation_count_rmse")
    if error is not None:
        found.append(f"Counts on validation: a root mean square error of {error:.3f}.")
    return found or ["Nothing is stored of what it said on test or validation."]


def _as_code(text: str) -> str:
    """Return text as Markdown shows it letter by letter: names are the user's."""
    plain = " ".join(text.replace("`", "'").replace("|", "/").split())
    return f"`{plain[:200]}`"
