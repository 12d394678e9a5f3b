"""The runs of the demo suite as links name them: which there are, and how far they have come.

Apart because quick start and guided tour both lead to them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from core.runs.run import Run
from core.runs.state import ACTIVE

SUITE = "demo"
CONV, DENSE, SHAPES = "conv-base-padded", "dense-base", "shapes-net"
"""Its variants: two on digits, and the one that counts shapes."""


@dataclass(frozen=True)
class Demo:
    """What there is of the demo.

    Attributes:
        finished: variant -> id of its newest finished run.
        active: ids of its runs under way.
    """

    finished: dict[str, str]
    active: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether each of its variants has finished."""
        return {CONV, DENSE, SHAPES} <= set(self.finished)

    @property
    def ids(self) -> str:
        """The ids of all of them, as links hold them."""
        return ",".join([*self.finished.values(), *self.active])

    def of(self, *variants: str) -> str:
        """Return the ids of the finished runs of variants, as links hold them; empty where there is none."""
        return ",".join(self.finished[one] for one in variants if one in self.finished)


def demo_of(runs: Sequence[Run]) -> Demo:
    """Return what there is of the demo among runs, newest first."""
    own = [run for run in runs if run.damaged is None and run.spec.get("suite") == SUITE]
    finished: dict[str, str] = {}
    for run in own:
        if run.state.state == "finished" and run.variant:
            finished.setdefault(run.variant, run.id)
    return Demo(finished, tuple(run.id for run in own if run.state.state in ACTIVE))
