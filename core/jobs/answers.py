"""Answers: what runs say of a few images, at once; for pages, which load no network themselves.

A server starts one process on demand (`answer_process`), which keeps torch and the networks. It is asked through a pipe,
within a time limit; one that died or did not answer in time is started again at the next question. It ends with the
server. Long work behind a page is `analyst`.
"""

import contextlib
import select
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.exceptions import InvalidParameter
from core.jobs.local import python_environment
from core.jobs.messages import read_message, write_message
from core.runs.run import Run
from core.runs.waits import Waits

LARGEST_QUESTION = 64 * 2**20
"""Bytes of images that one question may hold; more is no small question."""

State = Literal["off", "loading", "ready"]

Reply = tuple[dict[str, Any], dict[str, NDArray[Any]]]
"""Header and arrays of a message."""


@dataclass(frozen=True)
class Answer:
    """What one run says of B images; its arrays are read-only.

    Attributes:
        run_id: the run.
        labels: (B, top) int64, its most probable classes, the first one leads; -1 where its outputs were not finite; None
            where there is a problem.
        probabilities: (B, top) float64 in [0, 1], of those classes; NaN with -1; None where there is a problem.
        counts: (B, T) float32 expected counts; None where no count head was trained.
        class_names: K names, those of the run; count_names: T names.
        problem: why it cannot answer, a sentence or two, or None.
    """

    run_id: str
    labels: NDArray[np.int64] | None = None
    probabilities: NDArray[np.float64] | None = None
    counts: NDArray[np.float32] | None = None
    class_names: tuple[str, ...] = ()
    count_names: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True)
class Values:
    """Numbers that one run's network gave for images.

    Attributes:
        values: read-only, float32; None where there is a problem.
        problem: why it cannot answer, a sentence or two, or None.
    """

    values: NDArray[np.float32] | None = None
    problem: str | None = None


def answers(runs: Sequence[Run], images: NDArray[np.uint8], top: int = 3) -> list[Answer]:
    """Ask this server's process; see `AnswerProcess.answers`."""
    return shared().answers(runs, images, top)


def saliency(run: Run, image: NDArray[np.uint8], labels: Sequence[int], method: str) -> Values:
    """Ask this server's process; see `AnswerProcess.saliency`."""
    return shared().saliency(run, image, labels, method)


def features(run: Run, images: NDArray[np.uint8], layer: str) -> Values:
    """Ask this server's process; see `AnswerProcess.features`."""
    return shared().features(run, images, layer)


@cache
def shared() -> "AnswerProcess":
    """Return the one of this server, for all sessions. Nothing is started before the first question or `warm_up`."""
    return AnswerProcess(Waits.from_environment())


class AnswerProcess:
    """One process that keeps networks, for any number of threads.

    Args:
        waits: limits.
    """

    def __init__(self, waits: Waits) -> None:
        self.waits = waits
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        self._end = _nothing

    @property
    def pid(self) -> int | None:
        """Its process id, or None while there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def state(self) -> State:
        """Whether the process is there: "off" before the first question and after a death, "loading" for seconds."""
        if self.pid is None:
            return "off"
        if not self._is_ready and self._lock.acquire(blocking=False):
            try:
                if self.pid is not None and select.select([self._stream("stdout")], [], [], 0)[0]:
                    self._await_ready()
            except _GONE:
                self._end()
                return "off"
            finally:
                self._lock.release()
        return "ready" if self._is_ready else "loading"

    def warm_up(self) -> None:
        """Start the process if there is none, without waiting for it."""
        if self._lock.acquire(blocking=False):
            try:
                self._ensure()
            except OSError:
                pass  # the next question says so
            finally:
                self._lock.release()

    def answers(self, runs: Sequence[Run], images: NDArray[np.uint8], top: int = 3) -> list[Answer]:
        """Return what each run says of the images: one answer a run, in order.

        The first question waits for torch to be imported, and the first about a run for its network.

        Args:
            runs: whom to ask; one that cannot answer says so in its `problem` and stops no other.
            images: (B, C, H, W) uint8.
            top: classes wanted for each image; fewer where a run knows fewer.

        Raises:
            InvalidParameter: they are no images or too many, or top is below 1.
        """
        _require_small(images)
        if top < 1:
            raise InvalidParameter(f"top must be at least 1; got {top}.")
        if not runs:
            return []
        question = {"runs": [_folder(run) for run in runs], "top": top}
        replies, problem = self._asked(question, images, len(runs))
        found = [_answer(run, *reply) for run, reply in zip(runs, replies, strict=False)]
        return found + [Answer(run.id, problem=problem) for run in runs[len(found) :]]

    def saliency(
        self, run: Run, image: NDArray[np.uint8], labels: Sequence[int], method: str
    ) -> Values:
        """Return which pixels of an image decide: (len(labels), H, W), as `core.analysis.saliency` has it.

        Args:
            run: whom to ask.
            image: (C, H, W) uint8.
            labels: classes asked about.
            method: one of `core.analysis.saliency.METHODS`.

        Raises:
            InvalidParameter: it is no image or too large.
        """
        question = {"saliency": _folder(run), "labels": list(map(int, labels)), "method": method}
        return self._values(question, image[None])

    def features(self, run: Run, images: NDArray[np.uint8], layer: str) -> Values:
        """Return what a layer makes of images: (B, D), as `core.analysis.features` has it.

        Args:
            run: whom to ask.
            images: (B, C, H, W) uint8.
            layer: of its network.

        Raises:
            InvalidParameter: they are no images or too many.
        """
        return self._values({"features": _folder(run), "layer": layer}, images)

    def _values(self, question: Mapping[str, Any], images: NDArray[np.uint8]) -> Values:
        _require_small(images)
        replies, problem = self._asked(question, images, 1)
        if not replies:
            return Values(problem=problem)
        header, arrays = replies[0]
        return Values(arrays.get("values"), header.get("problem"))

    def close(self) -> None:
        """End the process; whoever is just asking is told so. The next question starts another."""
        self._end()

    def _asked(
        self, question: Mapping[str, Any], images: NDArray[np.uint8], num_replies: int
    ) -> tuple[list[Reply], str | None]:
        """Return the replies that came, and why the others did not."""
        if not self._lock.acquire(timeout=self.waits.answer):
            return [], _BUSY
        try:
            return self._replies(question, images, num_replies)
        finally:
            self._lock.release()

    def _replies(
        self, question: Mapping[str, Any], images: NDArray[np.uint8], num_replies: int
    ) -> tuple[list[Reply], str | None]:
        found: list[Reply] = []
        try:
            process = self._ensure()
        except OSError:
            return [], _NOT_STARTED
        began, limit = time.monotonic(), self.waits.answer_start
        try:
            if not self._is_ready:
                with _killed_after(process, limit):
                    self._await_ready()
            began, limit = time.monotonic(), self.waits.answer
            with _killed_after(process, limit):
                write_message(self._stream("stdin"), question, {"images": images})
                while len(found) < num_replies:
                    found.append(read_message(self._stream("stdout")))
        except _GONE:
            return found, _LATE.format(limit) if time.monotonic() - began >= limit else _DIED
        finally:
            # Whatever interrupted it, Ctrl-C in a notebook too: what is left in the pipes answers another question.
            if len(found) < num_replies:
                self._end()
        return found, None

    def _ensure(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        self._is_ready = False
        # -P: what lies in the working folder must never be imported. A session of its own: Ctrl-C is for the server,
        # and the end of its standard input ends it.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "core.jobs.answer_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env=python_environment() | {"OMP_NUM_THREADS": "1"},
        )
        # At the end of the server too, and when nobody knows this object any more.
        self._end = weakref.finalize(self, _end, self._process)
        return self._process

    def _await_ready(self) -> None:
        read_message(self._stream("stdout"))
        self._is_ready = True

    def _stream(self, name: str) -> Any:
        return getattr(self._process, name)


# What a pipe raises whose other end is gone, or that another thread has closed.
_GONE = (OSError, EOFError, ValueError, InvalidParameter)

_NOT_STARTED = "The process of the models could not be started; free some memory and ask again."
_BUSY = "The models are busy with other questions; ask again."
_LATE = "The models did not answer within {:g} s, so their process was ended; ask again."
_DIED = "The process of the models ended while it was asked; ask again. The server's output may say why."


def _folder(run: Run) -> str:
    return str(run.layout.path.resolve())


def _require_small(images: NDArray[np.uint8]) -> None:
    if images.dtype != np.uint8 or images.ndim != 4 or images.nbytes > LARGEST_QUESTION:
        raise InvalidParameter(
            f"images must be uint8 of shape (B, C, H, W) and at most {LARGEST_QUESTION >> 20} MiB; "
            f"got {images.dtype} of shape {images.shape}."
        )


def _answer(run: Run, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Answer:
    return Answer(
        run.id,
        arrays.get("labels"),
        arrays.get("probabilities"),
        arrays.get("counts"),
        tuple(header.get("class_names", ())),
        tuple(header.get("count_names", ())),
        header.get("problem"),
    )


@contextlib.contextmanager
def _killed_after(process: subprocess.Popen[bytes], seconds: float) -> Iterator[None]:
    """Kill a process unless the block ends in time: then its pipes end, and so does all waiting for them."""
    timer = threading.Timer(seconds, process.kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # it has nothing to write
    process.wait()
    streams: tuple[IO[bytes] | None, ...] = (process.stdin, process.stdout)
    for stream in streams:
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def _nothing() -> None:
    """End the process that has not been started."""
