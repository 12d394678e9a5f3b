"""The task "hand-in": a report on runs as one HTML file, in a folder of its own until it is fetched.

Apart from `analyst_tasks` because page and task share where the file lies. Made in a process of its own, since it takes seconds
of computing that a server would take from everybody who looks at a page. An upload folder that nobody fetched is forgotten
after a day.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

TASK = "hand-in"
REPORT = "report.html"


def write_report(
    arguments: Mapping[str, Any], data_dir: Path, progress: Callable[[float, str], None]
) -> dict[str, Any]:
    """Write the report: runs_dir, runs (ids), folder (name of an `upload_folder`). Gives left_out, a list of sentences."""
    from core.hand_in import write_hand_in
    from core.jobs.predict_task import folder_of
    from core.runs.store import Store

    store = Store(Path(arguments["runs_dir"]))
    runs = [store.run(run_id) for run_id in arguments["runs"]]
    output = folder_of(data_dir, arguments["folder"]) / REPORT
    made = write_hand_in(runs, output, data_dir, force=True, progress=progress)
    return {"left_out": list(made.left_out)}
