"""The warm process behind `warm`: has loaded all that a worker imports, and forks workers from itself.

Run as `python -m core.jobs.warm_process`; it reads requests from standard input, one JSON object a line, and writes a
reply to each to standard output, until the input ends, which it does when the runner ends, however that dies.

    first    {"ready": true}
    request  {"arguments": of the worker, "variables": of its environment, "folder": to work in, "log": its output}
    reply    {"pid": the worker's}, or {"problem": text}, after which it ends

It holds no lock, opens no file of a run, has one thread and never touches CUDA: a fork would share the first two, and the
others would not work in it. A worker is forked twice, so that its parent is the runner, who reaps it. It does nothing
before its process id is on the way to the runner: whoever gets no reply may start another worker.
"""

import argparse
import contextlib
import gc
import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import orjson

from core.jobs import worker
from core.jobs.executor import EXIT_LOCKED
from core.runs import files

PRELOADED = (
    "core.config",
    "core.jobs.checks",
    "core.models.forward",
    "core.training.loop",
    "safetensors.torch",
    "torch.utils.serialization",
)
"""What an attempt imports late; with these nothing is left to be imported before its first step."""


def preload() -> None:
    """Import what a worker will need.

    Raises:
        RuntimeError: that has started threads, which no fork would have.
    """
    for name in PRELOADED:
        importlib.import_module(name)
    num_threads = len(os.listdir("/proc/self/task"))
    if num_threads != 1:
        raise RuntimeError(f"a process that forks must have one thread; got {num_threads}.")
    # The collector would touch, and so copy, what workers can share.
    gc.collect()
    gc.freeze()


def fork_worker(request: dict[str, Any], replies: int) -> None:
    """Fork a worker and reply with its process id.

    Args:
        request: what it is to do.
        replies: descriptor for the reply.

    Raises:
        OSError: it could not be, or nobody hears the reply.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    told, tell = os.pipe()
    wait, begin = os.pipe()
    between = os.fork()
    if between == 0:
        status = 1
        try:
            if os.fork() == 0:
                os.close(begin)
                status = _worker(request, tell, wait)
            else:
                status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError):  # the disk may be full
                    stream.flush()
            os._exit(status)
    os.close(tell)
    os.close(wait)
    try:
        # Once this one has ended, the worker is the runner's child.
        os.waitpid(between, 0)
        pid = os.read(told, 32)
        if not pid:
            raise OSError("the worker could not be forked")
        _reply(replies, pid=int(pid))
        with contextlib.suppress(BrokenPipeError):  # killed already
            os.write(begin, b"!")
    finally:
        os.close(told)
        os.close(begin)


def _worker(request: dict[str, Any], tell: int, wait: int) -> int:
    """Be the worker; return its exit status."""
    os.setsid()
    os.write(tell, str(os.getpid()).encode())
    if not os.read(wait, 1):
        # The warm process died: nobody may know of this worker. The attempt is queued again if somebody does.
        return EXIT_LOCKED
    nowhere = os.open(os.devnull, os.O_RDONLY)
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, files.FILE_MODE)
    for descriptor, source in ((0, nowhere), (1, log), (2, log)):
        os.dup2(source, descriptor)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            with contextlib.suppress(OSError):  # the one that listed them is closed already
                os.close(int(name))
    os.environ.update(request["variables"])
    os.chdir(request["folder"])
    return worker.main(request["arguments"])


def _code() -> dict[str, int]:
    """Return when each file of ours that is loaded was changed last; -1 for one that is gone."""
    found: dict[str, int] = {}
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if name.partition(".")[0] == "core" and path is not None:
            try:
                found[path] = os.stat(path).st_mtime_ns
            except OSError:
                found[path] = -1
    return found


def _reply(replies: int, **values: Any) -> None:
    os.write(replies, orjson.dumps(values) + b"\n")


def main() -> int:
    """Load, and fork workers until nobody asks any more."""
    parser = argparse.ArgumentParser(prog="core.jobs.warm_process")
    parser.add_argument("--root", type=Path, required=True)
    parser.parse_args()
    # Whatever prints must not end up among the replies.
    replies = os.dup(1)
    os.dup2(2, 1)
    # If memory runs out, the kernel must pick this process before the server: another one is soon loaded.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
    preload()
    code = _code()
    with contextlib.suppress(BrokenPipeError):
        _reply(replies, ready=True)
        print(f"warm process {os.getpid()} is ready", flush=True)
        for line in sys.stdin.buffer:
            if _code() != code:
                # A cold worker would run what is there now.
                _reply(replies, problem="The code has changed.")
                return 0
            try:
                fork_worker(orjson.loads(line), replies)
            except BrokenPipeError:
                raise
            except OSError as error:
                _reply(replies, problem=str(error))
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
