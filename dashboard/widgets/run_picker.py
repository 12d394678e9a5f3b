"""What runs are called where one or several are chosen, and the name of that choice in links."""

from collections import Counter
from collections.abc import Sequence

from core.runs.run import Run

URL_KEY = "runs"


def titles_of(runs: Sequence[Run]) -> dict[str, str]:
    """Return run id -> title with its data set; runs that would look alike get the end of their id."""
    titles = {run.id: f"{run.title} ({run.dataset})" if run.dataset else run.title for run in runs}
    alike = Counter(titles.values())
    return {
        run_id: title if alike[title] == 1 else f"{title}, {run_id[-6:]}"
        for run_id, title in titles.items()
    }
