"""The runs folder as one person sees it: where the administrator hides the runs of others, they are not there.

Apart from `core.runs.store`, which knows files and no people. What is hidden from nobody costs nothing.
"""

from typing import Any

from core.exceptions import UnknownName
from core.jobs.people import people_of
from core.jobs.permissions import is_shown
from core.runs.run import Run
from core.runs.store import Store


class ShownStore(Store):
    """The runs of a folder that one person sees; the others are as if they were not there.

    Args:
        whole: the store of all runs; it does the reading.
        by: who looks.
    """

    def __init__(self, whole: Store, by: str) -> None:
        self.whole = whole
        self.by = by
        self.layout = whole.layout
        self.observer = whole.observer

    @property
    def locks_work(self) -> Any:
        """As the whole store has found out."""
        return self.whole.locks_work

    def runs(self) -> list[Run]:
        """Return the runs that are shown, newest first."""
        return [run for run in self.whole.runs() if is_shown(run, self.by)]

    def run(self, run_id: str) -> Run:
        """Return one run.

        Raises:
            UnknownName: there is no such run, or it is not shown.
        """
        try:
            run = self.whole.run(run_id)
        except UnknownName:
            run = None
        if run is None or not is_shown(run, self.by):
            raise UnknownName("run", run_id, self._ids())
        return run

    def _ids(self) -> list[str]:
        return [run.id for run in self.runs()]


def shown_to(store: Store, by: str) -> Store:
    """Return the store as somebody sees it: the same one where nothing is hidden from them."""
    people = people_of(store.root)
    if people.others_runs == "view" or people.role_of(by) == "admin":
        return store
    return ShownStore(store, by)


def num_hidden(store: Store) -> int:
    """Return how many runs of others a store leaves out."""
    return len(store.whole.runs()) - len(store.runs()) if isinstance(store, ShownStore) else 0
