import os
import pwd
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


def test_the_user_is_whom_the_kernel_knows_and_not_whom_a_variable_names(monkeypatch):
    # Roles follow from the name: LOGNAME=boss must make nobody the administrator.
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(variable, "boss")
    assert host.user_name() == pwd.getpwuid(os.getuid()).pw_name != "boss"


def test_a_user_without_a_name_is_their_number(monkeypatch):
    known = {one.pw_uid for one in pwd.getpwall()}
    number = next(one for one in range(60_000, 70_000) if one not in known)
    monkeypatch.setattr(os, "getuid", lambda: number)
    assert host.user_name() == str(number)
