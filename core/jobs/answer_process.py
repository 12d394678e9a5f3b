"""The process behind `answers`: keeps the networks of the runs asked about last, and says what they make of images.

Run as `python -m core.jobs.answer_process`; it reads questions from standard input and writes answers to standard
output until the input ends, which it does when the server ends, however that dies. It writes no file.

    question  {"runs": [folder, ...], "top": number of classes}     images (B, C, H, W) uint8
    answer    one message a run, in order: {"problem": text}, or
              {"class_names": [...], "count_names": [...]}          labels, probabilities (B, top); counts (B, T)
                                                                    where a count head was trained
    question  {"saliency": folder, "labels": [...], "method": name} images (1, C, H, W) uint8
    question  {"features": folder, "layer": name}                   images (B, C, H, W) uint8
    answer    {"problem": text}, or {}                              values: a map a label, (L, H, W); features, (B, D)
"""

import contextlib
import os
import sys
import traceback
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray

from core.analysis.features import split_features
from core.analysis.saliency import saliency
from core.analysis.subject import run_at
from core.exceptions import CoreError
from core.inference import Predictor, most_probable
from core.jobs.messages import read_message, write_message
from core.runs.layout import RunLayout

MOST_BYTES = 512 * 2**20
"""Weights kept in memory: ten networks of 13 million parameters, hundreds of small ones."""

Reply = tuple[dict[str, Any], dict[str, NDArray[Any]]]
"""Header and arrays of a message."""

_Stamp = tuple[tuple[int, int, int], ...]


class Predictors:
    """Predictors of the runs used last, as long as the run's weights stay the same.

    Args:
        most_bytes: weights to keep; the one used last is kept however large it is.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self._kept: OrderedDict[Path, tuple[_Stamp, Predictor]] = OrderedDict()

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._kept)

    def of(self, layout: RunLayout) -> Predictor:
        """Return a run's predictor.

        Raises:
            CoreError: as `Predictor.load`.
        """
        stamp = _stamp(layout)
        known = self._kept.pop(layout.path, None)
        if known is None or known[0] != stamp:
            known = (stamp, Predictor.load(run_at(layout)))
        self._kept[layout.path] = known
        while len(self._kept) > 1 and self._num_bytes() > self.most_bytes:
            self._kept.popitem(last=False)
        return known[1]

    def _num_bytes(self) -> int:
        return sum(predictor.num_bytes for _, predictor in self._kept.values())


def _stamp(layout: RunLayout) -> _Stamp:
    """Return what changes when the weights or their manifest do."""
    found = []
    for path in (layout.best_json, layout.best_weights):
        with contextlib.suppress(OSError):
            about = path.stat()
            found.append((about.st_mtime_ns, about.st_size, about.st_ino))
    return tuple(found)


def answer(predictors: Predictors, layout: RunLayout, images: NDArray[np.uint8], top: int) -> Reply:
    """Return header and arrays of one run's answer; whatever is wrong with the run becomes its problem."""

    def answered() -> Reply:
        predictor = predictors.of(layout)
        logits, counts = predictor.predict(images)
        labels, probabilities = most_probable(logits, top)
        arrays: dict[str, NDArray[Any]] = {"labels": labels, "probabilities": probabilities}
        if counts is not None:
            arrays["counts"] = counts
        space = predictor.space
        return {"class_names": space.class_names, "count_names": space.count_names}, arrays

    return _problems_told(answered)


def values(predictors: Predictors, question: Mapping[str, Any], images: NDArray[np.uint8]) -> Reply:
    """Return header and arrays of the answer to a question about saliency or features."""

    def found() -> Reply:
        if "saliency" in question:
            predictor = predictors.of(RunLayout(Path(question["saliency"])))
            maps = saliency(predictor, images[0], question["labels"], question["method"])
            return {}, {"values": maps}
        predictor = predictors.of(RunLayout(Path(question["features"])))
        return {}, {"values": split_features(predictor, images, question["layer"])}

    return _problems_told(found)


def _problems_told(work: Callable[[], Reply]) -> Reply:
    try:
        return work()
    except CoreError as error:
        return {"problem": str(error)}, {}
    except Exception as error:
        # What is not ours to explain stands in the server's output; a page gets no paths of this machine.
        traceback.print_exc()
        return {"problem": f"{type(error).__name__}; the server's output says more."}, {}


def work(questions: BinaryIO, replies: BinaryIO) -> None:
    """Answer until nobody asks any more; the first message only says that the process is ready."""
    predictors = Predictors()
    with contextlib.suppress(EOFError, BrokenPipeError):
        write_message(replies, {"ready": True}, {})
        while True:
            question, arrays = read_message(questions)
            if "runs" not in question:
                write_message(replies, *values(predictors, question, arrays["images"]))
                continue
            for folder in question["runs"]:
                reply = answer(
                    predictors, RunLayout(Path(folder)), arrays["images"], question["top"]
                )
                write_message(replies, *reply)


def main() -> None:
    """Take standard input and output for messages, and work."""
    # Whatever prints must not end up among the messages.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Pages must stay quick, and if memory runs out the kernel must pick this process before the server.
    os.nice(5)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
    torch.set_num_threads(1)
    work(sys.stdin.buffer, replies)
    # What nobody reads any more is dropped without a complaint.
    os._exit(0)


if __name__ == "__main__":
    main()
