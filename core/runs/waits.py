"""Waits: everything that waits, in one settings object, so that tests can shorten it.

Processes that we start (runner, worker) read it from the environment variable `PETRIDISH_WAITS`, a JSON object.
"""

import os
from typing import Self

import orjson
from pydantic import Field

from core.exceptions import InvalidParameter
from core.settings import Settings

VARIABLE = "PETRIDISH_WAITS"


class Waits(Settings):
    """Poll intervals and limits, all in seconds."""

    runner_poll: float = Field(
        0.5, gt=0, description="Pause between two looks of the runner at its queue."
    )
    runner_idle: float = Field(
        60, gt=0, description="Time without queue and workers after which the runner ends."
    )
    runner_glance: float = Field(
        0.05,
        gt=0,
        description="Pause between two glances of the runner at whether its queue has changed.",
    )
    warm_answer: float = Field(
        5,
        gt=0,
        description="Time in which the warm process must have forked a worker, or the start is cold.",
    )
    start_grace: float = Field(
        10, gt=0, description="Time in which a started worker must take its lock."
    )
    lock_wait: float = Field(5, ge=0, description="Time for which a worker waits for its locks.")
    progress: float = Field(
        1, ge=0, description="Least time between two progress reports within an epoch."
    )
    beat: float = Field(5, gt=0, description="Pause between two heartbeats.")
    stall: float = Field(
        120, gt=0, description="Time without progress after which a run shows as stalled."
    )
    lost: float = Field(
        120, gt=0, description="Age of the heartbeat after which a run elsewhere shows as lost."
    )
    disk_retry: float = Field(
        15, gt=0, description="Pause before a checkpoint is tried again on a full disk."
    )
    disk_patience: float = Field(
        600, ge=0, description="Time after which a run on a full disk pauses."
    )
    kill_after: float = Field(
        15, ge=0, description="Time in which a worker may stop by itself before it is killed."
    )
    page_poll: float = Field(
        1, gt=0, description="Pause between two looks of a page at active runs."
    )
    answer_start: float = Field(
        60,
        gt=0,
        description="Time in which the process that answers for models must have loaded torch.",
    )
    answer: float = Field(
        20, gt=0, description="Time in which it must answer a question, or is ended."
    )

    @classmethod
    def from_environment(cls) -> Self:
        """Return the waits of this process.

        Raises:
            InvalidParameter: the variable holds no JSON object of these fields.
        """
        text = os.environ.get(VARIABLE) or "{}"
        try:
            values = orjson.loads(text)
        except orjson.JSONDecodeError:
            values = None
        if not isinstance(values, dict):
            raise InvalidParameter(f"{VARIABLE} must hold a JSON object; got {text[:100]!r}.")
        try:
            return cls.checked(values)
        except InvalidParameter as error:
            raise InvalidParameter(f"{VARIABLE}: {error}") from None
