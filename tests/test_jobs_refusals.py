"""Why requests cannot be made, before they are made; each agrees with the request itself."""

from dataclasses import replace

import pytest

from core.exceptions import RunStateError
from core.jobs import control
from core.jobs.permissions import Request
from core.jobs.refusals import possible, refusal
from core.runs import files
from core.runs.state import ACTIVE, DERIVED, RESUMABLE, WRITTEN

STATES = (*WRITTEN, *DERIVED)


def in_state(run, state):
    return replace(run, state=replace(run.state, state=state))


@pytest.mark.parametrize(
    ("request_", "states"),
    [
        ("stop", ACTIVE),
        ("pause", ACTIVE),
        ("kill", ACTIVE),
        ("resume", RESUMABLE),
        ("retry", control.RETRIABLE),
        ("delete", tuple(state for state in STATES if state not in ACTIVE)),
        ("edit", STATES),
    ],
)
def test_the_state_decides(finished_run, request_: Request, states):
    allowed = [
        state for state in STATES if refusal(request_, in_state(finished_run, state), "ada") is None
    ]
    assert allowed == [state for state in STATES if state in states]


def test_what_is_refused_is_what_the_request_refuses(finished_copy):
    (run,) = finished_copy.runs()
    assert refusal("stop", run, "ada") == "finished"
    with pytest.raises(RunStateError, match="is finished; only a run under way can be stopped"):
        control.stop(finished_copy, run, "ada")


def test_a_run_that_is_asked_already_is_not_asked_again(finished_copy):
    (run,) = finished_copy.runs()
    running = in_state(run, "running")
    files.make_folder(run.layout.control_dir)
    files.create_json(run.layout.stop_request, {"by": "ada"})
    assert refusal("stop", running, "ada") == refusal("pause", running, "ada") == "asked to stop"
    # Who wants the results of a run that is about to pause may still stop it.
    files.create_json(run.layout.pause_request, {"by": "ada"})
    assert refusal("pause", running, "ada") == "pausing"
    assert refusal("stop", running, "ada") is None


def test_a_damaged_run_can_only_be_deleted(finished_run):
    damaged = replace(in_state(finished_run, "damaged"), damaged="run.json is missing")
    assert refusal("resume", damaged, "ada") == refusal("edit", damaged, "ada") == "damaged"
    assert refusal("delete", damaged, "ada") is None


def test_of_several_those_that_can_and_the_reasons_of_the_others_counted(finished_run):
    states = ("finished", "running", "finished", "queued")
    runs = [in_state(finished_run, state) for state in states]
    allowed, reasons = possible("delete", runs, "ada")
    assert [run.state.state for run in allowed] == ["finished", "finished"]
    assert reasons == "1 running, 1 waiting"
