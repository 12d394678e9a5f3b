import os
import signal
import subprocess
import sys
import threading

import pytest

from core.exceptions import LockTaken
from core.runs import locks

HOLD = (
    "import sys\n"
    "from pathlib import Path\n"
    "from core.runs import locks\n"
    "lock = locks.take(Path(sys.argv[1]))\n"
    "print('held', flush=True)\n"
    "for line in sys.stdin:\n"
    "    if line == 'release\\n':\n"
    "        lock.release()\n"
    "        print('free', flush=True)\n"
)

ASK = "import sys; from pathlib import Path; from core.runs import locks; print(locks.holder(Path(sys.argv[1])))"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "alive.lock"


@pytest.fixture
def other(path):
    """Another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def seen_by_another_process(path):
    done = subprocess.run(
        [sys.executable, "-c", ASK, path], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_lock_that_was_never_taken_has_no_holder(path):
    assert locks.holder(path) is None
    assert not path.exists()


def test_a_file_alone_is_no_lock(path):
    path.touch()
    assert locks.holder(path) is None


def test_another_process_sees_who_holds_the_lock(path):
    lock = locks.take(path)
    try:
        assert seen_by_another_process(path) == str(os.getpid())
    finally:
        lock.release()
    assert seen_by_another_process(path) == "None"


def test_the_holder_sees_itself_and_asking_does_not_drop_the_lock(path):
    lock = locks.take(path)
    try:
        answers = [locks.holder(path)]

        def ask():
            answers.extend(locks.holder(path) for _ in range(50))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(answers) == {os.getpid()}
        assert seen_by_another_process(path) == str(os.getpid())
    finally:
        lock.release()


def test_asking_takes_nothing(path, other):
    path_of_none = path.with_name("free.lock")
    path_of_none.touch()
    for _ in range(100):
        assert locks.holder(path) == other.pid
        assert locks.holder(path_of_none) is None
    assert seen_by_another_process(path_of_none) == "None"


def test_a_lock_held_elsewhere_cannot_be_taken(path, other):
    with pytest.raises(LockTaken) as raised:
        locks.take(path)
    assert str(raised.value) == "alive.lock is held already."
    assert locks.holder(path) == other.pid


def test_a_released_lock_can_be_taken(path, other):
    other.stdin.write("release\n")
    other.stdin.flush()
    assert other.stdout.readline() == "free\n"
    assert locks.holder(path) is None
    lock = locks.take(path)
    assert locks.holder(path) == os.getpid()
    lock.release()


def test_waiting_for_a_lock_ends_when_its_holder_dies(path, other):
    timer = threading.Timer(0.2, other.kill)
    timer.start()
    lock = locks.take(path, wait_seconds=60)
    timer.join()
    lock.release()


def test_death_frees_a_lock_also_while_nobody_has_reaped_the_dead(path, other):
    os.kill(other.pid, signal.SIGKILL)
    # WNOWAIT: the process is dead and stays a zombie, which checks of its id would call alive.
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    os.kill(other.pid, 0)
    assert locks.holder(path) is None


def test_a_process_cannot_take_a_lock_twice(path):
    lock = locks.take(path)
    try:
        with pytest.raises(LockTaken):
            locks.take(path)
        with pytest.raises(LockTaken):
            locks.take(path, wait_seconds=0.1)
        # The attempts did not drop it.
        assert seen_by_another_process(path) == str(os.getpid())
    finally:
        lock.release()


def test_the_same_file_under_another_name_is_the_same_lock(path):
    lock = locks.take(path)
    link = path.with_name("link.lock")
    link.symlink_to(path)
    try:
        assert locks.holder(link) == os.getpid()
        with pytest.raises(LockTaken):
            locks.take(link)
        assert seen_by_another_process(path) == str(os.getpid())
    finally:
        lock.release()


def test_releasing_twice_leaves_other_locks_alone(path):
    first = locks.take(path)
    first.release()
    second = locks.take(path.with_name("second.lock"))
    assert second.descriptor == first.descriptor  # the number is used again
    first.release()
    try:
        assert seen_by_another_process(second.path) == str(os.getpid())
    finally:
        second.release()


def test_a_child_does_not_inherit_a_lock(path):
    lock = locks.take(path)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        lock.release()
        assert locks.holder(path) is None
    finally:
        child.communicate(b"\n")


def test_folders_of_a_lock_are_made(tmp_path):
    lock = locks.take(tmp_path / ".slots" / "host" / "cpu-0.lock")
    assert locks.holder(lock.path) == os.getpid()
    lock.release()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become somebody else")
def test_whoever_may_only_read_can_ask(path, other):
    path.chmod(0o644)
    path.parent.chmod(0o755)
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from core.runs import locks\n"
        "os.chdir(sys.argv[1])\n"
        "os.setgid(65534)\n"
        "os.setuid(65534)\n"
        "assert not os.access('alive.lock', os.W_OK)\n"
        "print(locks.holder(Path('alive.lock')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path.parent], capture_output=True, text=True
    )
    assert done.stdout.strip() == str(other.pid), done.stderr


def test_locks_work_in_a_plain_folder(tmp_path):
    probe = tmp_path / ".runner" / "host.probe"
    assert locks.work_in(probe)
    assert locks.holder(probe) is None


def test_locks_do_not_work_where_the_child_cannot_take_one(tmp_path):
    (tmp_path / "probe").mkdir()
    assert not locks.work_in(tmp_path / "probe")
