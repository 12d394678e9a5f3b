"""Heartbeat: says that the worker lives, and how far the epoch has come."""

import contextlib
import os
import threading
import time
from collections.abc import Mapping
from typing import Any

import orjson

from core.runs import files
from core.runs.layout import RunLayout

BEAT_BYTES = 512
"""Length of the file, so that one overwrite replaces it whole."""


class Heartbeat:
    """The file `beat` of one attempt, kept fresh inside a `with` block.

    A daemon thread writes the file when something moved and touches it every few seconds; training only sets numbers.

    Args:
        layout: the run.
        seconds: pause between two touches.
    """

    def __init__(self, layout: RunLayout, seconds: float) -> None:
        self._path = layout.beat
        self._seconds = seconds
        self._values: dict[str, Any] = {"changed": time.monotonic()}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def moved(self, **values: Any) -> None:
        """Note progress: epoch, step, steps, samples_per_second, median_epoch_seconds."""
        self._values = {**self._values, **values, "changed": time.monotonic()}

    def _work(self) -> None:
        written: dict[str, Any] = {}
        touched = 0.0
        while True:
            # A full disk must not end the heartbeat; the training thread meets it and says so.
            with contextlib.suppress(OSError):
                if self._values is not written:
                    written = self._values
                    self._write(written)
                    touched = time.monotonic()
                elif time.monotonic() - touched >= self._seconds:
                    os.utime(self._path)
                    touched = time.monotonic()
            if self._over.wait(min(1.0, self._seconds)):
                return

    def _write(self, values: Mapping[str, Any]) -> None:
        # One overwrite of fixed length: a reader sees the old or the new numbers, and no file is replaced.
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, files.FILE_MODE)
        try:
            os.pwrite(descriptor, orjson.dumps(values).ljust(BEAT_BYTES), 0)
        finally:
            os.close(descriptor)
