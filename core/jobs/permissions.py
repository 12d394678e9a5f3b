"""Who may do what: for now, only whether a server is reached from this machine alone.

As long as there is no login, whoever reaches the server may do everything; what is dangerous in strangers' hands
(uploads, naming files of the machine) is therefore off where other machines reach it.
"""

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


def is_loopback(address: str | None) -> bool:
    """Return whether only this machine reaches a server that listens on this address; None means all addresses."""
    return address in LOOPBACK_HOSTS
