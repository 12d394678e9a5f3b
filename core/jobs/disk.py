"""What a worker does about a full disk: look before it starts, wait while it trains, give up in the end.

Apart from the attempt, because the same patience holds for everything that is written. Which files those are, and in
what order, is the attempt's business.
"""

import errno
import resource
import shutil
import sys
import time
from collections.abc import Callable

from core.runs import files
from core.runs.layout import RunLayout
from core.runs.store import LEAST_FREE_BYTES, RESERVE_BYTES
from core.runs.waits import Waits


class DiskFull(Exception):
    """The disk stayed full for as long as we are willing to wait."""


def check_space(layout: RunLayout) -> None:
    """Refuse to start where three checkpoints would not fit, and lay by the reserve again.

    Raises:
        DiskFull: they would not.
    """
    last = layout.last_checkpoint
    needed = LEAST_FREE_BYTES + 3 * (last.stat().st_size if last.exists() else 0)
    if shutil.disk_usage(layout.path).free < needed:
        raise DiskFull
    if not layout.reserve.exists():
        files.write_bytes(layout.reserve, b"\0" * RESERVE_BYTES)


def patiently(
    write: Callable[[], None],
    waits: Waits,
    tell: Callable[[str], None],
    between: Callable[[], None],
) -> None:
    """Write, and while the disk is full try again. The reserve is left for the state.

    Args:
        write: what to do; it may be called again after a failure.
        waits: how often and how long to try.
        tell: gets one sentence when the waiting begins.
        between: called after each pause; it may raise to end the waiting.

    Raises:
        DiskFull: it stayed full.
    """
    give_up = time.monotonic() + waits.disk_patience
    is_told = False
    while True:
        try:
            write()
            return
        except (OSError, RuntimeError) as error:
            if not is_full(error):
                raise
            print(f"writing failed: {error}", file=sys.stderr)
            if time.monotonic() >= give_up:
                raise DiskFull from None
        if not is_told:
            tell(f"{cause()}; trying for {waits.disk_patience:.0f} s before the run pauses.")
            is_told = True
        time.sleep(waits.disk_retry)
        between()


def is_full(error: OSError | RuntimeError) -> bool:
    """Return whether an error of a write means a full disk; torch.save says so in its own words (measured)."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return "inline_container" in str(error)


def cause() -> str:
    """Return what keeps a file from growing, without a full stop: a limit of the process looks like a full disk."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit == resource.RLIM_INFINITY:
        return "The disk is full"
    return (
        f"The disk is full, or a file has reached the limit of {limit / 2**20:.3g} MiB (ulimit -f)"
    )
