import os
import subprocess
import sys

from core.runs import host
from core.runs.layout import HOST


def test_this_machine_has_a_name_that_may_stand_in_a_path():
    assert HOST.fullmatch(host.host_name())


def test_all_processes_of_one_boot_agree_on_it():
    program = "from core.runs.host import boot_id; print(boot_id())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == host.boot_id() != ""


def test_a_process_is_told_from_another_by_its_start():
    mine = host.process_start(os.getpid())
    assert mine is not None
    assert host.process_start(os.getpid()) == mine
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert host.process_start(child.pid) >= mine
        child.communicate(b"\n")
    assert host.process_start(child.pid) is None


def test_a_user_without_a_name_is_unknown(monkeypatch):
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LOGNAME", "ada")
    assert host.user_name() == "ada"
    monkeypatch.setenv("LOGNAME", "x" * 1000)
    assert len(host.user_name()) == 200
