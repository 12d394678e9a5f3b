"""History damage: what of a run's curves is lost, in sentences, for whatever shows or hands on a history.

The one place that decides it, so that report, tables, event files, scripts and archives say the same. Reading a history
leaves out what is no row of an epoch and says nothing (`core.runs.history`); which line it was, and what can be mended, is
`core.runs.examination`'s business.
"""

from itertools import count, islice

from core.runs.history import from_epochs, read_on, visible
from core.runs.run import Run
from core.runs.state import ACTIVE

FOR_GOOD = "Bring it back from an archive, or train it again."
"""What to do where nothing can be mended."""


def history_damage(run: Run) -> list[str]:
    """Return a sentence for each loss; none for a whole history, nor for a damaged run, of which nothing is read.

    A torn last line is a loss only where its epoch is missing: of a run under way it may just be written.

    Args:
        run: as it was read before; of one under way, epochs that were finished since then are no loss.
    """
    if run.damaged is not None:
        return []
    part = read_on(run.layout.history)
    rows = visible(part.rows, from_epochs(run.layout))
    sentences = [lines_sentence(run.id, part.bad)] if part.bad else []
    last = rows[-1]["epoch"] if rows else 0
    # A new attempt hides rows before the state says from which epoch on it goes.
    expected = last if rows and run.state.state in ACTIVE else max(last, run.state.epoch)
    known = {row["epoch"] for row in rows if row["epoch"] >= 1}
    if len(known) < expected:
        is_torn = part.inode != 0 and run.layout.history.stat().st_size > part.offset
        sentences.append(f"{_missing(run, known, expected)} {_remedy(run, is_torn)}")
    return sentences


def lines_sentence(run_id: str, number: int) -> str:
    """Return the sentence on complete lines that hold no row of an epoch."""
    return f"Run {run_id}: {number} damaged lines of its history were left out."


def _missing(run: Run, known: set[int], expected: int) -> str:
    name = run.layout.history.name
    if not known:
        why = "holds none of them" if run.layout.history.exists() else "is missing"
        epochs = "1 epoch was" if expected == 1 else f"{expected:,} epochs were"
        return f"Run {run.id}: {epochs} finished, but {name} {why}: it has no curves."
    number = expected - len(known)
    # Damage may name any epoch: no more of them are looked at than are shown.
    first = islice((epoch for epoch in count(1) if epoch not in known), min(number, 3))
    which = ", ".join(map(str, first)) + (", ..." if number > 3 else "")
    return f"Run {run.id}: {name} lacks {number:,} of {expected:,} epochs ({which})."


def _remedy(run: Run, is_torn: bool) -> str:
    if is_torn:  # by the end of a line alone, perhaps
        return f"petridish runs fsck --fix {run.id} may mend its last line."
    return FOR_GOOD
