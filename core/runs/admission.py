"""Admission: whether a folder from elsewhere may become a run here. It is asked before the folder gets its name.

Examination says whether the files are whole; this adds what they must not say even when they are: nothing in them waits
or runs, so that no archive makes this machine train; texts are as our own are; numbers lie where they can be shown; the
settings are within the bounds of this version; weights are safetensors.
"""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from safetensors import SafetensorError, safe_open

from core.exceptions import DamagedRun, InvalidInput, NewerRun
from core.runs import files, history
from core.runs.archive import ENDED
from core.runs.examination import examine
from core.runs.layout import RUN_ID, RunLayout
from core.runs.run import read_spec
from core.runs.state import RunState, read_state
from core.runs.text import clean_text

LATEST = 2**34
"""Unix seconds; a later time is nonsense, and C libraries refuse it."""

_MOST_EPOCHS = 10**6
_MOST_THREADS = 1024
_DEVICES = ("auto", "cpu", "cuda", "mps")
_LONGEST_TEXT = 400


def admit(layout: RunLayout, check_config: Callable[[Mapping[str, Any]], object]) -> None:
    """Check a folder that is to become a run.

    Args:
        layout: the folder, named by the run's id, wherever it lies.
        check_config: raises an InvalidInput when the settings are not within the bounds of this version.

    Raises:
        InvalidInput: it may not; the message names the run, the file and the reason.
    """
    try:
        spec, state = read_spec(layout), read_state(layout)
    except NewerRun:
        raise _refusal(
            layout, "a later version of Petridish wrote it. Import it with that version"
        ) from None
    except DamagedRun as error:
        raise _refusal(layout, str(error)) from None
    found = [one for one in examine(layout) if one.kind == "damage"]
    if found:
        first = found[0]
        raise _refusal(layout, f"{first.file or 'the folder'}: {first.problem}")
    wrong = _wrong_in_spec(spec) or _wrong_in_state(state) or _wrong_in_attempts(layout)
    wrong = wrong or _wrong_in_edit(layout)
    if wrong:
        raise _refusal(layout, wrong)
    try:
        check_config(spec["config"])
    except InvalidInput as error:
        raise _refusal(
            layout, f"its settings are not those of this version: {str(error).rstrip('.')}"
        ) from None
    _check_weights(layout)


def _refusal(layout: RunLayout, why: str) -> InvalidInput:
    return InvalidInput(f"Run {layout.id} cannot be imported: {why}.")


def _wrong_in_spec(spec: Mapping[str, Any]) -> str | None:
    """Return what of a whole `run.json` is not as our own submissions write it, or None."""
    for key in ("name", "owner", "suite", "executor", "data_fingerprint"):
        text = spec.get(key)
        if text is not None and not _is_clean(text):
            return f"run.json: {key} must be text without control characters, at most 200 long"
    parent = spec.get("parent")
    if parent is not None and not (isinstance(parent, str) and RUN_ID.fullmatch(parent)):
        return f"run.json: parent must be a run's id; got {parent!r}"[:200]
    resources = spec["resources"]
    threads, device = resources.get("threads", 1), resources.get("device", "auto")
    if not _is_count(threads, _MOST_THREADS) or not threads or device not in _DEVICES:
        return f"run.json: resources is {resources!r}"[:200]
    if not _is_count(spec.get("retries", 0), 1000):
        return f"run.json: retries is {spec.get('retries')!r}"[:200]
    if not 0 <= spec["seed"] < 2**31:
        return f"run.json: seed must lie in [0, 2147483647]; got {spec['seed']!r}"[:200]
    environment = spec.get("env", {})
    if not isinstance(environment, dict) or not all(
        one is None or _is_clean(one) for one in environment.values()
    ):
        return f"run.json: env is {environment!r}"[:200]
    return None


def _wrong_in_state(state: RunState) -> str | None:
    if state.state not in ENDED:
        return f"state.json says {state.state}, but a run from elsewhere must have ended: {', '.join(ENDED)}"
    for key in ("epoch", "epochs", "attempt", "best_epoch"):
        value = getattr(state, key)
        if value is not None and not _is_count(value, _MOST_EPOCHS):
            return f"state.json: {key} must lie in [0, {_MOST_EPOCHS}]; got {value!r}"[:200]
    for key in ("t", "started", "ended"):
        value = getattr(state, key)
        if value is not None and not 0 <= value < LATEST:
            return f"state.json: {key} is {value!r}"[:200]
    accuracy = state.best_validation_accuracy
    if accuracy is not None and not 0 <= accuracy <= 1:
        return f"state.json: best_validation_accuracy must lie in [0, 1]; got {accuracy!r}"[:200]
    for key in ("reason", "message", "by", "device"):
        text = getattr(state, key)
        if text is not None and len(text) > 2 * _LONGEST_TEXT:
            return f"state.json: {key} has {len(text)} characters"
    return None


def _wrong_in_attempts(layout: RunLayout) -> str | None:
    for number, values in history.attempts(layout).items():
        # A resumed run reads and keeps its data there; only a worker of this machine may say where.
        if "data_dir" in values:
            return (
                f"attempts/{layout.attempt(number).name}: data_dir is a folder of another machine"
            )
    return None


def _wrong_in_edit(layout: RunLayout) -> str | None:
    edit: dict[str, Any] = {}
    with contextlib.suppress(FileNotFoundError):
        edit = files.read_json(layout.edit_json)
    texts = [*edit.get("tags", []), edit.get("name"), edit.get("note")]
    if not all(text is None or _is_clean(text) for text in texts):
        return "edit.json: name, tags and note must have no control characters and at most 200 characters"
    return None


def _check_weights(layout: RunLayout) -> None:
    if not layout.best_weights.exists():
        return
    try:
        with safe_open(layout.best_weights, framework="np") as file:
            list(file.keys())
    except (SafetensorError, OSError) as error:
        raise _refusal(
            layout, f"checkpoints/best.safetensors is no safetensors file ({error})"
        ) from None


def _is_clean(text: Any) -> bool:
    return isinstance(text, str) and clean_text(text) == text


def _is_count(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
