"""The exporter "tensorboard": the histories of runs as event files, one folder a run, for TensorBoard.

Written by tensorboardX, an optional package of 0.2 MB, and renamed afterwards: its names hold this machine's. TensorBoard
itself, which reads them, is not needed here.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from core.exceptions import InvalidInput
from core.runs import files
from core.runs.run import Run

EXTRA = "tensorboard"
"""The extra of this package that brings what is needed."""

_SPLITS = ("train_eval", "train", "validation")
_VARIANT = re.compile(r"[a-z0-9-]{1,60}")
_LEFT_OUT = frozenset({"attempt", "epoch", "time", "nan"})


def write_events(path: Path, runs: Sequence[Run], weights: bool = True) -> list[str]:
    """Write a folder with one of event files for each run, `tensorboard --logdir FOLDER` shows them.

    A run's folder is called "<variant>-seed-<seed>-<id>". The step is the epoch, the time the one when it ended. Tags:
    `<metric>/<split>` ("accuracy/validation"; those of one metric stand together), `dead_share/<layer>`, and the other
    keys of a history as they are ("learning_rate"). What was not finite is left out. The settings are a text "settings".

    Args:
        path: the folder to make.
        runs: which.
        weights: of no meaning here.

    Returns:
        A sentence for each run that has no epoch yet.

    Raises:
        InvalidInput: tensorboardX is not installed.
    """
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        raise InvalidInput(
            f"Event files are written by tensorboardX, which is not installed: pip install 'petridish[{EXTRA}]'."
        ) from None
    files.make_folder(path)
    notes: list[str] = []
    for run in runs:
        folder = path / _folder_name(run)
        rows = run.history()
        with SummaryWriter(str(folder)) as writer:
            writer.add_text("settings", _settings(run), 0, walltime=run.created)
            for row in rows:
                for tag, value in _scalars(row):
                    writer.add_scalar(tag, value, row["epoch"], walltime=row.get("time"))
        for number, written in enumerate(sorted(folder.iterdir())):
            written.rename(folder / f"events.out.tfevents.{int(run.created or 0):010d}.{number}")
        if not rows and not run.state.epoch:
            notes.append(f"Run {run.id} has finished no epoch yet and gives no curve.")
    return notes


def _folder_name(run: Run) -> str:
    # Of an imported run the variant may be anything, and no text of others becomes the name of a file.
    variant = run.variant or ""
    return f"{variant}-seed-{run.seed}-{run.id}" if _VARIANT.fullmatch(variant) else f"run-{run.id}"


def _settings(run: Run) -> str:
    values = {"name": run.name, "seed": run.seed, "tags": run.tags, "note": run.note} | run.config
    # Indented by four, Markdown shows it as it stands.
    text = orjson.dumps(values, option=orjson.OPT_INDENT_2).decode()
    return "\n".join(f"    {line}" for line in text.splitlines())


def _scalars(row: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for key, value in row.items():
        if key in _LEFT_OUT:
            continue
        if isinstance(value, dict):
            yield from ((f"{key}/{name}", one) for name, one in value.items() if _is_number(one))
        elif _is_number(value):
            yield _tag(key), value


def _tag(key: str) -> str:
    split = next((one for one in _SPLITS if key.startswith(f"{one}_")), None)
    return key if split is None else f"{key.removeprefix(f'{split}_')}/{split}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
