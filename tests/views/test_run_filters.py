"""The order of the list of runs: newest first, and what was submitted together by variant and seed."""

from dataclasses import replace

from core.runs.layout import RunLayout
from dashboard.widgets.run_filters import by_submission


def _run(run, tmp_path, run_id, variant, seed):
    spec = run.spec | {"id": run_id, "seed": seed, "config": run.config | {"variant": variant}}
    return replace(run, layout=RunLayout(tmp_path / run_id), spec=spec)


def test_runs_submitted_together_stand_by_variant_and_seed_between_older_and_newer(
    finished, tmp_path
):
    _, run = finished
    wanted = [
        _run(run, tmp_path, "20200103-000000-aaaaaa", "dense-base", 0),
        # One submission over the turn of a second.
        _run(run, tmp_path, "20200102-235959-bbbbbb", "conv-base", 0),
        _run(run, tmp_path, "20200102-235958-dddddd", "conv-base", 1),
        _run(run, tmp_path, "20200102-235959-aaaaaa", "dense-base", 0),
        _run(run, tmp_path, "20200102-235959-cccccc", "dense-base", 10),
        _run(run, tmp_path, "20200101-235959-eeeeee", "conv-base", 0),
        _run(run, tmp_path, "20200101-235950-ffffff", "conv-base", 0),
    ]
    mixed = [wanted[place] for place in (3, 6, 0, 2, 5, 1, 4)]
    assert [one.id for one in by_submission(mixed)] == [one.id for one in wanted]
    rising = [wanted[place] for place in (6, 5, 1, 2, 3, 4, 0)]
    assert [one.id for one in by_submission(mixed, is_rising=True)] == [one.id for one in rising]
