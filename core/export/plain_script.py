"""The exporter "script": one run as a PyTorch file of its own, which needs nothing of this library.

What the file says is `script_text`'s business. Here is only which runs can be written so; torch is imported when a
script is asked for, so that other exports stay quick.
"""

from collections.abc import Sequence
from pathlib import Path

from core.exceptions import DamagedRun, InvalidParameter
from core.runs.run import Run


def write_script(path: Path, runs: Sequence[Run], weights: bool = True) -> list[str]:
    """Write a script that loads the data, builds the network and trains it as a run did, and compares its history.

    It imports torch, NumPy and the standard library, for some data sets also scikit-learn, and for none this library.
    `python OUT.py --help` says what it takes.

    Args:
        path: the file to make.
        runs: one.
        weights: of no meaning here: the script trains its own.

    Returns:
        What differs from the run's own training, and which folder the script has to be given, in sentences.

    Raises:
        InvalidParameter: more than one run is asked for, or a script cannot hold what the run does; the message names it.
        RunStateError: the run has finished no epoch yet.
        DamagedRun: what the run has stored cannot be read.
    """
    from core.export.script_text import script_text

    run = the_only(runs, "A script")
    if reason := no_script(run):
        raise InvalidParameter(reason)
    text, notes = script_text(run)
    path.write_text(text, encoding="utf-8")
    return notes


def no_script(run: Run) -> str | None:
    """Return why no script can be made of a run's settings, a sentence, or None. Reads no file."""
    from core.augmentations.base import Mixing
    from core.config import RunConfig

    try:
        config = RunConfig.checked(run.config)
    except InvalidParameter as error:
        return f"Run {run.id}: {error}"
    for step in config.augmentation.steps:
        if isinstance(step, Mixing) and step.probability > 0:
            return (
                f"A plain script cannot yet hold the augmentation step {step.name!r}: it mixes images and labels."
                " Its weights and its archive can be exported."
            )
    return None


def the_only(runs: Sequence[Run], what: str) -> Run:
    """Return the one run that is exported.

    Args:
        runs: those asked for.
        what: is made, as a sentence begins: "A script".

    Raises:
        InvalidParameter: they are several.
        DamagedRun: it is damaged.
    """
    if len(runs) != 1:
        raise InvalidParameter(f"{what} is made of one run; got {len(runs)}. Export one at a time.")
    (run,) = runs
    if run.damaged is not None:
        raise DamagedRun(f"Run {run.id} is damaged and cannot be exported: {run.damaged}.")
    return run
