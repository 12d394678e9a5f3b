"""Set Petridish up in .venv and run a job in it: python bootstrap.py demo | test | dashboard.

Standard library only, because it runs before anything is installed. It is written so that Python
2.7 and every Python 3 can read it (no f-strings, no annotations): only then does an old one get our
message and not a syntax error. It leaves out what to install (pyproject.toml, constraints.txt) and
what the jobs do (core, pytest).
"""

import hashlib
import io
import os
import re
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.abspath(__file__))
JOBS = {
    "demo": ["-m", "core", "demo"],
    # Two at a time: most tests wait for processes of their own, and what one file shares stays in one process.
    "test": ["-m", "pytest", "-n", "2", "--dist", "loadfile"],
    "dashboard": ["-m", "core", "dashboard"],
}
USAGE = """usage: python bootstrap.py demo | test | dashboard [arguments passed on]

  demo       train a few small variants on built-in data and open the dashboard
  test       run the tests
  dashboard  open the dashboard

The first run sets everything up in .venv. The job runs in this file's folder."""
# What pip, uv, POSIX and Windows say, and what to tell the user. The first match counts.
REMEDIES = [
    (
        r"Errno (28|122)\b|os error (28|122)\b|WinError 112\b"
        r"|No space left|not enough space|quota exceeded",
        "The disk is full: Petridish needs about 2 GB, more with CUDA. "
        "Free some space, then run the command again.",
    ),
    (
        r"Errno (1|13|30)\b|os error (1|13|30)\b|WinError 5\b"
        r"|Permission denied|Access is denied|Read-only file system",
        "No permission to write: copy Petridish to a folder of yours, "
        "or correct the owner of what is named here.",
    ),
    (
        # Under constraints, pip calls it a conflict when it finds no package at all.
        r"from versions: none|ResolutionImpossible|Retrying \(|NewConnectionError|name resolution"
        r"|Connection (refused|reset|aborted)|getaddrinfo|Network is unreachable|timed out|Timeout"
        r"|SSLError|CERTIFICATE|ProxyError|dns error",
        "No network, or a package index without the pinned versions: connect, "
        "or set PIP_INDEX_URL to a mirror, then run the command again.",
    ),
]


class SetupFailed(Exception):
    """Setting up cannot go on; the text is one line for the user."""


def version_problem(version):
    """Say why this Python (its version as a tuple) cannot be used; None if it can."""
    if (3, 11) <= tuple(version[:2]) <= (3, 13):
        return None
    return (
        "Petridish needs Python 3.11, 3.12 or 3.13; this is %d.%d. Install one (python.org, or "
        "your system's packages) and name it: python3.12 bootstrap.py demo" % tuple(version[:2])
    )


def explained(output):
    """Turn what a failed step printed into one line: cause and remedy, then its first error."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    said = (errors or lines[-1:] or ["nothing"])[0]
    for pattern, remedy in REMEDIES:
        if re.search(pattern, output, re.IGNORECASE):
            return "%s (It said: %s)" % (remedy, said)
    return "Setting up failed. Try again; if it fails again, report this: " + said


def python_path(root):
    """Return where the environment's Python lies."""
    inside = ["Scripts", "python.exe"] if os.name == "nt" else ["bin", "python"]
    return os.path.join(root, ".venv", *inside)


def stamp(root):
    """Return a finished environment's two lines: Python and place, hash of the requirements."""
    asked = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        with open(os.path.join(root, name), "rb") as file:
            asked.update(file.read() + b"\0")
    python = "%d.%d.%d" % sys.version_info[:3]
    return "%s at %s\n%s\n" % (python, os.path.realpath(root), asked.hexdigest())


def is_usable(root, lines=2):
    """Tell whether the environment's Python runs and the first lines of its stamp are right."""
    try:
        with io.open(stamp_path(root), encoding="utf-8") as file:
            found = file.read().splitlines()[:lines]
        if found != stamp(root).splitlines()[:lines]:
            return False
        return subprocess.call([python_path(root), "-c", ""], stderr=subprocess.DEVNULL) == 0
    except (OSError, ValueError):
        return False


def stamp_path(root):
    """Return where the stamp lies: inside the environment, so that both go together."""
    return os.path.join(root, ".venv", "petridish-stamp")


def say(text):
    """Print a line on stderr; stdout is the job's."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def run(command, root):
    """Run one step quietly, with a sign of life every 30 s.

    Raises:
        SetupFailed: the step failed; the text explains why.
    """
    began = time.time()
    process = subprocess.Popen(
        command,
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        while True:
            try:
                output = process.communicate(timeout=30)[0]
                break
            except subprocess.TimeoutExpired:
                say("  still at it after %d s" % (time.time() - began))
    finally:  # ended from outside: the step must not go on writing behind the next bootstrap's back
        if process.poll() is None:
            process.terminate()
            process.wait()
    if process.returncode != 0:
        raise SetupFailed(explained(output.decode("utf-8", "replace")))


def set_up(root):
    """Make the environment, or bring it up to date; an unfinished or broken one is made anew.

    Raises:
        SetupFailed: a step failed; without its stamp the environment is made anew next time.
    """
    import importlib.util

    python, began = python_path(root), time.time()
    if is_usable(root, lines=1):
        say("pyproject.toml or constraints.txt changed: bringing .venv up to date ...")
        os.remove(stamp_path(root))
    else:
        if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
            raise SetupFailed(
                "This Python lacks the venv module. Install it (Debian, Ubuntu: "
                "apt install python3-venv), then run the command again."
            )
        say("Setting up Petridish in .venv (about 2 GB, more with CUDA; once) ...")
        # Run from inside the environment itself, the Python behind it makes the new one.
        maker = getattr(sys, "_base_executable", None) or sys.executable
        run([maker, "-m", "venv", "--clear", ".venv"], root)
    constraints = ["-c", "constraints.txt"]
    pip = [python, "-m", "pip", "install", "-q", "--no-compile", "--disable-pip-version-check"]
    say("1 of 2: torch")  # by pip, whose settings on this machine choose the build: CPU or CUDA
    run(pip + constraints + ["torch", "uv"], root)
    say("2 of 2: the rest")
    rest = constraints + ["-e", ".[dev]"]
    try:
        run([python, "-m", "uv", "pip", "install", "-q", "--python", python] + rest, root)
    except SetupFailed:  # uv ignores pip's settings: mirrors, certificates
        say("  uv could not; pip takes over (some minutes)")
        run(pip + rest, root)
    with io.open(stamp_path(root), "w", encoding="utf-8") as file:
        file.write(stamp(root))
    say("Set up in %d s." % (time.time() - began))


def lock(path):
    """Wait for the lock file and return it open; closing it, or the process's end, frees it."""
    file = open(path, "a+")
    if os.name == "nt":
        import msvcrt

        while True:  # LK_LOCK gives up after 10 s
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                return file
            except OSError:
                say("Another bootstrap.py is setting up here; waiting for it ...")
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("Another bootstrap.py is setting up here; waiting for it ...")
        fcntl.flock(file, fcntl.LOCK_EX)
    return file


def main(arguments):
    """Set up if need be, run the job, return its exit status.

    A wrong command is 2, a Python that is no good or a failed set-up 1.
    """
    if arguments[:1] in (["-h"], ["--help"]):
        print(USAGE)
        return 0
    if not arguments or arguments[0] not in JOBS:
        say((("No job is called %r.\n" % arguments[0]) if arguments else "") + USAGE)
        return 2
    problem = version_problem(sys.version_info)
    if problem:
        say(problem)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if not is_usable(ROOT):
            with lock(os.path.join(ROOT, ".bootstrap.lock")):
                if not is_usable(ROOT):
                    set_up(ROOT)
    except SetupFailed as error:
        say(str(error))
        return 1
    except OSError as error:
        say(explained(str(error)))
        return 1
    os.chdir(ROOT)  # where .streamlit, runs and tests lie
    command = [python_path(ROOT)] + JOBS[arguments[0]] + arguments[1:]
    if os.name == "nt":  # exec there would return to the prompt while the job runs on
        return subprocess.call(command)
    os.execv(command[0], command)  # signals and exit status are the job's own


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
