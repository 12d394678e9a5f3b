"""Answers: one warm process that is asked, killed, kept waiting and left alone."""

import fcntl
import os
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from core.analysis.features import split_features
from core.analysis.saliency import saliency
from core.exceptions import InvalidParameter
from core.inference import Predictor, most_probable
from core.jobs import answers as client
from core.jobs.answer_process import Predictors, answer
from core.jobs.answers import AnswerProcess
from core.runs import checkpoints, files
from core.runs.run import Run
from core.runs.state import RunState
from core.runs.store import Store
from core.runs.waits import Waits

PATIENT = Waits(answer_start=250, answer=250)
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 1, 8, 8), dtype=np.uint8)


@pytest.fixture(scope="module", autouse=True)
def data_sets(data_dir):
    with pytest.MonkeyPatch.context() as changes:
        changes.setenv("PETRIDISH_DATA", str(data_dir))
        yield


@pytest.fixture(scope="module")
def models(data_sets):
    """One process for all tests; whoever leaves it dead leaves the next one to start another."""
    process = AnswerProcess(PATIENT)
    yield process
    process.close()


@pytest.fixture
def copied(finished_run, tmp_path):
    """Makes a copy of the finished run: `copied("one")`."""

    def make(name):
        shutil.copytree(finished_run.layout.path, tmp_path / name / finished_run.id)
        return Store(tmp_path / name).run(finished_run.id)

    return make


def until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)
    return found


def right(one, run, images=IMAGES):
    """Return whether an answer is what the run's predictor says."""
    labels, probabilities = most_probable(Predictor.load(run).predict(images)[0], 3)
    return (
        one.problem is None
        and one.run_id == run.id
        and np.array_equal(one.labels, labels)
        and np.allclose(one.probabilities, probabilities, rtol=1e-5)
    )


def waiting_bytes(pid):
    """Return how much of what was asked a process has not read yet."""
    descriptor = os.open(f"/proc/{pid}/fd/0", os.O_RDONLY | os.O_NONBLOCK)
    try:
        return struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4))[0]
    finally:
        os.close(descriptor)


def is_stopped(pid):
    """Return whether every thread stands still: one that has not got the signal yet would still read a question."""
    states = [
        path.read_text().rpartition(")")[2].split()[0]
        for path in Path(f"/proc/{pid}/task").glob("*/stat")
    ]
    return set(states) == {"T"}


def flip_a_byte(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_an_answer_is_what_the_runs_predictor_says(models, finished_run):
    (one,) = models.answers([finished_run], IMAGES)
    assert right(one, finished_run)
    assert one.labels.shape == one.probabilities.shape == (5, 3)
    assert one.counts is None
    assert one.class_names == tuple("0123456789") and one.count_names == ()
    assert models.state == "ready"


def test_as_many_classes_come_as_were_asked_for(models, finished_run):
    for top, got in ((1, 1), (99, 10)):
        (one,) = models.answers([finished_run], IMAGES, top)
        assert one.labels.shape == (5, got)


def test_counts_come_with_their_names(models, uninterrupted):
    images = np.random.default_rng(1).integers(0, 256, (4, 1, 28, 28), dtype=np.uint8)
    (one,) = models.answers([uninterrupted], images)
    assert right(one, uninterrupted, images)
    _, counts = Predictor.load(uninterrupted).predict(images)
    np.testing.assert_allclose(one.counts, counts, rtol=1e-4, atol=1e-5)
    assert len(one.count_names) == 6


def test_runs_that_cannot_answer_say_why_and_stop_no_other(
    models, copied, finished_run, uninterrupted
):
    damaged, unfinished, unreadable = copied("damaged"), copied("unfinished"), copied("unreadable")
    flip_a_byte(damaged.layout.best_weights)
    unfinished.layout.best_json.unlink()
    unreadable.layout.run_json.write_text("{")
    gone = Run(damaged.layout.__class__(damaged.layout.path.with_name("gone")), {}, RunState("x"))
    runs = [damaged, finished_run, unfinished, uninterrupted, unreadable, gone, finished_run]
    found = models.answers(runs, IMAGES)
    assert [one.run_id for one in found] == [run.id for run in runs]
    problems = [one.problem for one in found]
    assert problems[0] == f"Run {damaged.id}: its best weights do not match their manifest."
    assert problems[2] == (
        f"Run {unfinished.id} has no weights yet; they are stored when its first epoch ends."
    )
    assert problems[3] == (
        f"Run {uninterrupted.id} was trained on images of 28x28 pixels and 1 channel; "
        "got 8x8 pixels and 1 channel."
    )
    assert problems[4].startswith(f"Run {unreadable.id} is damaged: run.json")
    assert problems[5] == "Run gone is damaged: run.json is missing."
    assert all(found[number].labels is None for number in (0, 2, 3, 4, 5))
    assert right(found[1], finished_run) and right(found[6], finished_run)


def test_weights_that_are_damaged_later_are_not_used_any_more(models, copied):
    run = copied("later")
    assert right(models.answers([run], IMAGES)[0], run)
    flip_a_byte(run.layout.best_weights)
    assert "do not match" in models.answers([run], IMAGES)[0].problem


def test_better_weights_are_used_at_once(models, copied):
    from safetensors.torch import load_file, save

    run = copied("better")
    (before,) = models.answers([run], IMAGES)
    weights = {name: one * 0.5 for name, one in load_file(run.layout.best_weights).items()}
    checkpoints.write_weights(
        run.layout, lambda path: path.write_bytes(save(weights)), {"epoch": 2}
    )
    (after,) = models.answers([run], IMAGES)
    assert right(after, run)
    assert not np.allclose(after.probabilities, before.probabilities)


def test_asking_writes_nothing_into_the_run(models, copied):
    run = copied("asked")

    def seen():
        return {path: path.stat().st_mtime_ns for path in run.layout.path.rglob("*")}

    before = seen()
    assert models.answers([run], IMAGES)[0].problem is None
    assert seen() == before
    assert os.listdir(run.layout.path.parent) == [run.id]


def test_threads_that_ask_at_once_get_their_own_answers(models, finished_run):
    batches = [IMAGES[:number] for number in (1, 2, 3, 4, 5)] * 3
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(lambda images: models.answers([finished_run], images), batches))
    assert all(
        right(one, finished_run, images) for (one,), images in zip(found, batches, strict=True)
    )


@pytest.mark.parametrize(
    ("images", "top", "text"),
    [
        (IMAGES.astype(np.float32), 3, "images must be uint8 of shape"),
        (IMAGES[0], 3, "images must be uint8 of shape"),
        (np.broadcast_to(IMAGES[:1], (2**21, 1, 8, 8)), 3, "at most 64 MiB"),
        (IMAGES, 0, "top must be at least 1; got 0."),
    ],
)
def test_what_cannot_be_asked_is_refused(models, finished_run, images, top, text):
    with pytest.raises(InvalidParameter, match=text):
        models.answers([finished_run], images, top)


def test_nobody_asked_is_no_answer():
    process = AnswerProcess(PATIENT)
    assert process.answers([], IMAGES) == []
    assert process.state == "off"


def test_a_death_between_two_questions_goes_unnoticed(models, finished_run):
    models.answers([finished_run], IMAGES)
    before = psutil.Process(models.pid)
    before.kill()
    until(lambda: models.state == "off")
    models.warm_up()
    assert models.state in ("loading", "ready")
    until(lambda: models.state == "ready")
    assert right(models.answers([finished_run], IMAGES)[0], finished_run)
    assert models.pid != before.pid


def test_a_death_during_a_question_is_told_and_the_next_one_is_answered(models, finished_run):
    assert models.answers([finished_run], IMAGES)[0].problem is None
    pid = models.pid
    os.kill(pid, signal.SIGSTOP)
    until(lambda: is_stopped(pid))
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(models.answers, [finished_run, finished_run], IMAGES)
        until(lambda: waiting_bytes(pid) > 0)
        with pytest.MonkeyPatch.context() as changes:
            changes.setattr(models, "waits", Waits(answer=0.05))
            (busy,) = models.answers([finished_run], IMAGES)
        assert busy.problem == "The models are busy with other questions; ask again."
        os.kill(pid, signal.SIGKILL)
        found = asked.result(timeout=120)
    assert [one.problem for one in found] == [client._DIED] * 2
    assert models.state == "off"
    assert right(models.answers([finished_run], IMAGES)[0], finished_run)


def test_a_question_that_takes_too_long_ends_the_process(models, finished_run, monkeypatch):
    assert models.answers([finished_run], IMAGES)[0].problem is None
    process = psutil.Process(models.pid)
    process.suspend()
    with monkeypatch.context() as changes:
        changes.setattr(models, "waits", Waits(answer=0.2))
        (one,) = models.answers([finished_run], IMAGES)
    assert one.problem == (
        "The models did not answer within 0.2 s, so their process was ended; ask again."
    )
    assert models.state == "off" and not process.is_running()


def test_a_process_that_does_not_load_in_time_is_ended(finished_run):
    process = AnswerProcess(Waits(answer_start=0.01))
    (one,) = process.answers([finished_run], IMAGES)
    assert one.problem.startswith("The models did not answer within 0.01 s")
    assert process.state == "off"


def test_a_process_that_cannot_start_is_a_problem_and_not_an_error(finished_run, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    process = AnswerProcess(PATIENT)
    process.warm_up()
    (one,) = process.answers([finished_run], IMAGES)
    assert one.problem == (
        "The process of the models could not be started; free some memory and ask again."
    )


SERVER = """
import sys, time
from core.jobs.answers import shared
shared().warm_up()
print(shared().pid, flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("is_killed", [True, False])
def test_the_process_ends_with_the_server(is_killed):
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        process = psutil.Process(int(server.stdout.readline()))
        if is_killed:
            server.kill()
        else:
            server.communicate(b"\n")
    until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)


def test_whoever_forgets_the_object_leaves_no_process():
    process = AnswerProcess(PATIENT)
    process.warm_up()
    child = psutil.Process(process.pid)
    del process
    until(lambda: not child.is_running())


def test_closing_ends_the_process_and_a_second_time_does_nothing():
    process = AnswerProcess(PATIENT)
    process.close()
    process.warm_up()
    child = psutil.Process(process.pid)
    process.close()
    process.close()
    assert not child.is_running() and process.state == "off"


def test_only_as_many_networks_are_kept_as_there_is_room_for(copied):
    runs = [copied(name) for name in ("one", "two", "three")]
    size = Predictor.load(runs[0]).num_bytes
    predictors = Predictors(most_bytes=2 * size)
    first, second = (predictors.of(run.layout) for run in runs[:2])
    assert predictors.of(runs[0].layout) is first
    predictors.of(runs[2].layout)
    # The second was used longest ago.
    assert len(predictors) == 2
    assert predictors.of(runs[0].layout) is first
    assert predictors.of(runs[1].layout) is not second


def test_a_network_larger_than_the_room_is_kept_alone(copied):
    predictors = Predictors(most_bytes=1)
    one, two = copied("one"), copied("two")
    kept = predictors.of(one.layout)
    assert predictors.of(one.layout) is kept
    predictors.of(two.layout)
    assert len(predictors) == 1


def test_a_rewritten_manifest_loads_the_weights_again(copied):
    run, predictors = copied("one"), Predictors()
    kept = predictors.of(run.layout)
    files.write_json(run.layout.best_json, files.read_json(run.layout.best_json))
    assert predictors.of(run.layout) is not kept
    assert len(predictors) == 1


def test_an_error_of_ours_is_told_without_its_text(finished_run, capsys):
    header, arrays = answer(Predictors(), finished_run.layout, IMAGES, "three")
    assert header == {"problem": "TypeError; the server's output says more."} and arrays == {}
    assert "Traceback" in capsys.readouterr().err


def test_one_process_serves_all_sessions_of_a_server():
    assert client.shared() is client.shared()
    assert client.answers([], IMAGES) == []
    assert client.shared().state == "off"


def test_saliency_is_asked_of_the_same_process(models, finished_run):
    predictor = Predictor.load(finished_run)
    for method in ("gradient", "occlusion"):
        found = models.saliency(finished_run, IMAGES[0], [3, 7], method)
        assert found.problem is None and found.values.shape == (2, 8, 8)
        expected = saliency(predictor, IMAGES[0], [3, 7], method)
        np.testing.assert_allclose(found.values, expected, rtol=1e-4, atol=1e-6)
    assert right(models.answers([finished_run], IMAGES)[0], finished_run)


def test_features_are_asked_of_the_same_process(models, finished_run):
    found = models.features(finished_run, IMAGES, "body")
    expected = split_features(Predictor.load(finished_run), IMAGES, "body")
    np.testing.assert_allclose(found.values, expected, rtol=1e-4, atol=1e-6)


def test_what_cannot_be_said_of_an_image_is_a_problem(models, copied, finished_run):
    assert models.saliency(finished_run, IMAGES[0], [99], "gradient") == client.Values(
        problem="labels must lie in [0, 10), at least one; got [99]."
    )
    problem = models.features(finished_run, IMAGES, "nowhere").problem
    assert problem.startswith("No layer is called 'nowhere'.")
    without = copied("without")
    without.layout.best_json.unlink()
    assert "has no weights yet" in models.saliency(without, IMAGES[0], [0], "gradient").problem
    with pytest.raises(InvalidParameter, match="images must be uint8 of shape"):
        models.features(finished_run, IMAGES[0], "body")
    assert models.features(finished_run, IMAGES, "body").problem is None
