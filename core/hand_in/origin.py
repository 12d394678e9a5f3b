"""Origin: which runs the file is about, and on what they were trained: software, device, data, settings and weights by hash.

Separate because it is what a reader needs to do it again, and holds no result. It leaves out names of machines and folders.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from core.charts.style import percent
from core.facts import final_accuracy, run_facts
from core.hand_in.markup import Markup, element, joined, number_of, table
from core.run_groups import Group
from core.runs.run import Run

ENVIRONMENT = ("python", "torch", "core", "platform", "git")


def run_list(groups: Sequence[Group]) -> Markup:
    """Return a row for each run: what it is, how it ended, and what its user wrote."""
    rows = []
    for group in groups:
        for run in (*group.runs, *group.superseded):
            state = run.state
            best, final = state.best_validation_accuracy, final_accuracy(run)
            rows.append(
                [
                    run.title,
                    element("code", run.id, class_="short"),
                    group.dataset,
                    group.label,
                    f"{state.state}" + (f" ({state.reason})" if state.reason else ""),
                    ", ".join(run.tags),
                    run.note or "",
                    f"{state.epoch or 0} of {state.epochs or '?'}",
                    "–" if state.best_epoch is None else f"{state.best_epoch}",
                    "–" if best is None else percent(best),
                    "–" if final is None else percent(final),
                ]
            )
    headers = ["Run", "Id", "Data set", "Variant", "State", "Tags", "Note", "Epochs", "Best epoch"]
    headers += ["Validation accuracy", "Test accuracy"]
    kept = [place for place in range(len(headers)) if any(row[place] for row in rows)]
    return table(
        [headers[place] for place in kept],
        [[row[place] for place in kept] for row in rows],
        num_texts=len(kept) - 4,
    )


def origin(groups: Sequence[Group]) -> Markup:
    """Return software, device and the hashes of data, settings and weights of each run."""
    runs = [run for group in groups for run in (*group.runs, *group.superseded)]
    facts = {run.id: run_facts(run) for run in runs}
    alike: dict[tuple[tuple[str, str], ...], list[Run]] = {}
    for run in runs:
        alike.setdefault(tuple(_words(run, facts[run.id]).items()), []).append(run)
    environments = [_environment(dict(words), len(some)) for words, some in alike.items()]
    return joined([*environments, _hashes(runs, facts)])


def _words(run: Run, facts: Mapping[str, Any]) -> dict[str, str]:
    """Return what a run was trained with, by name."""
    known = run.spec.get("env") or {}
    words = {name: str(known[name]) for name in ENVIRONMENT if known.get(name)}
    devices = dict.fromkeys(str(one["device"]) for one in facts["attempts"] if one["device"])
    return words | ({"device": ", ".join(devices)} if devices else {})


def _environment(words: Mapping[str, str], num_runs: int) -> Markup:
    names = {"core": "Petridish", "python": "Python", "torch": "PyTorch"}
    entries = [
        part
        for name, value in (words or {"environment": "not recorded"}).items()
        for part in (element("dt", names.get(name, name.capitalize())), element("dd", value))
    ]
    return joined(
        [element("h3", f"Trained with ({number_of(num_runs, 'run')})"), element("dl", *entries)]
    )


def _hashes(runs: Sequence[Run], facts: Mapping[str, Mapping[str, Any]]) -> Markup:
    rows = []
    for run in runs:
        spec = run.spec
        hashes = (
            spec.get("data_fingerprint"),
            spec.get("config_sha256"),
            facts[run.id]["weights_sha256"],
        )
        created = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.created))
        rows.append(
            [
                element("code", run.id, class_="short"),
                created,
                f"{run.seed}",
                *(element("code", str(one)) if one else "–" for one in hashes),
            ]
        )
    headers = ["Run", "Created", "Seed", "Data fingerprint", "Settings (SHA-256)"]
    return joined(
        [
            element("h3", "Hashes"),
            table([*headers, "Best weights (SHA-256)"], rows, num_texts=6),
        ]
    )
