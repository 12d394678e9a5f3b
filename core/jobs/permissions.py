"""Who may do what: every request to a run passes `require`; and whether a server is reached from this machine alone.

As long as there is no login, whoever reaches the server may do everything; what is dangerous in strangers' hands
(uploads, naming files of the machine) is therefore off where other machines reach it.
"""

from typing import Literal

from core.runs.run import Run

Request = Literal["stop", "pause", "resume", "retry", "kill", "delete", "edit"]

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


def is_loopback(address: str | None) -> bool:
    """Return whether only this machine reaches a server that listens on this address; None means all addresses."""
    return address in LOOPBACK_HOSTS


def require(request: Request, run: Run, by: str) -> None:
    """Refuse what somebody may not do to a run: nothing yet, but here is where roles and owners will be asked for.

    Args:
        request: what is to be done.
        run: to which run.
        by: who asks.
    """
