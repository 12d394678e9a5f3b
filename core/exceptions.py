"""Errors that we raise on purpose.

A message names the thing, the rule, the value got, and what to do next when that is not obvious. The command
line turns `InvalidInput` into exit status 2 and every other `CoreError` into 1; the dashboard shows the text.

    CoreError
    ├── InvalidInput            what was asked for cannot be done as asked
    │   ├── UnknownName         no data set, variant, setting or run is called that
    │   ├── InvalidParameter    a value breaks its rule
    │   ├── IncompatibleModel   a network and a data set do not fit together
    │   ├── RunStateError       the run's state does not allow the request
    │   ├── NotAllowed          who asks may not do it, or would exceed a limit
    │   └── RunsFolderError     the runs folder cannot be used
    ├── DamagedRun              a run's files cannot be trusted
    │   └── NewerRun            a later version wrote them: shown, never changed
    ├── TrainingFailed          the work itself failed; carries the `reason` of the state file
    └── LockTaken               another process holds the lock
"""

import difflib
from collections.abc import Iterable
from typing import Any

MOST_NAMES = 20
"""Known names that a message lists where none is near."""


class CoreError(Exception):
    """Base of every error that Petridish raises on purpose; its text is meant for the user."""


class InvalidInput(CoreError):
    """What was asked for cannot be done as asked."""


class UnknownName(InvalidInput):
    """No such name. The message suggests the nearest known one."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"No {kind} is called {name!r}.{_hint(name, sorted(known))}")


class InvalidParameter(InvalidInput):
    """A value breaks its rule."""


class IncompatibleModel(InvalidInput):
    """A network and a data set do not fit together."""


class RunStateError(InvalidInput):
    """The run's state does not allow the request."""


class NotAllowed(InvalidInput):
    """Who asks may not do it, or would exceed a limit; the text says why and who may."""


class RunsFolderError(InvalidInput):
    """The runs folder cannot be used: it is not a folder, not writable, or its disk is full."""


class DamagedRun(CoreError):
    """A run's files cannot be trusted; the text says which and why."""


class NewerRun(DamagedRun):
    """A later version of Petridish wrote a run's file: what is understood of it is shown, and nothing is changed.

    Attributes:
        values: what the file says.
    """

    def __init__(self, text: str, values: dict[str, Any]) -> None:
        super().__init__(f"{text}: a later version of Petridish wrote it; it is only shown")
        self.values = values


class TrainingFailed(CoreError):
    """The work itself failed.

    Attributes:
        reason: the machine-readable reason of `state.json`, such as "nan_loss".
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class LockTaken(CoreError):
    """Another process holds the lock."""


def _hint(name: str, known: list[str]) -> str:
    by_folded = {one.casefold(): one for one in known}
    near = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.4)
    if near:
        return f" Did you mean {by_folded[near[0]]!r}?"
    if not known:
        return ""
    more = f", ... ({len(known)} in all)" if len(known) > MOST_NAMES else ""
    return f" Known: {', '.join(known[:MOST_NAMES])}{more}."
