"""Who may do what: every request to a run passes `require`, every other change `require_to`; pages and commands alike.

Own runs: all. Those of others: view and clone. Admin: all. A viewer: nothing but look. Where other machines reach a
server without login, what is dangerous in strangers' hands (uploads, naming files of the machine) is off for everybody.
Who is who is `core.jobs.people`; how much anybody may use is `core.jobs.quotas`.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from core.exceptions import NotAllowed
from core.jobs.people import (
    NOBODY,
    NOT_VERIFIED,
    DamagedPeople,
    People,
    people_of,
    read_people,
)
from core.runs import saved
from core.runs.run import Run

Request = Literal["stop", "pause", "resume", "retry", "kill", "delete", "restore", "edit", "export"]

Change = Literal[
    "submit", "import_runs", "import_data", "remove_data", "name_paths", "save", "mend"
]
"""What is done to no run: new ones, imports of runs and data sets, removing a data set, naming a file or folder of the
machine, keeping something under a name, mending the whole runs folder."""

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")

OFF_WITHOUT_LOGIN = ("import_runs", "import_data", "remove_data", "name_paths")
FOR_ADMINS = ("remove_data", "name_paths", "mend")

_DONE = {
    "stop": "stopped",
    "pause": "paused",
    "resume": "resumed",
    "retry": "retried",
    "kill": "killed",
    "delete": "deleted",
    "restore": "restored",
    "edit": "edited",
    "export": "exported",
}
_WORDS: dict[Change, str] = {
    "submit": "Starting runs",
    "import_runs": "Importing runs",
    "import_data": "Importing data sets",
    "remove_data": "Removing data sets",
    "name_paths": "Naming files of this machine",
    "save": "Saving",
    "mend": "Mending the whole runs folder",
}


def is_loopback(address: str | None) -> bool:
    """Return whether only this machine reaches a server that listens on this address; None means all addresses."""
    return address in LOOPBACK_HOSTS


def require(request: Request, run: Run, by: str) -> None:
    """Refuse what somebody may not do to a run.

    Args:
        request: what is to be done.
        run: to which run.
        by: who asks, as `core.jobs.people` names people.

    Raises:
        NotAllowed: the run is somebody else's, or they may only look on.
    """
    require_of_owner(request, run.id, _owner(run.spec), run.layout.path.parent, by)


def require_of_owner(request: Request, run_id: str, owner: str | None, root: Path, by: str) -> None:
    """Refuse what somebody may not do to a run that lies elsewhere, such as in the trash.

    Args:
        request: what is to be done.
        run_id: of the run.
        owner: whose it is; None where that is unknown.
        root: the runs folder.
        by: who asks.

    Raises:
        NotAllowed: as `require`.
    """
    people = _trusted(root)
    short = _why_not(people, owner, by)
    if short is None:
        return
    done = _DONE[request]
    if people.role_of(by) == "viewer":
        raise NotAllowed(f"Run {run_id} cannot be {done}: {_viewer(by)}")
    whose = f"of {owner}" if owner else "of nobody known"
    raise NotAllowed(
        f"Run {run_id} is {whose}; only its owner or an administrator can have it {done}. You are {by}."
    )


def why_not(run: Run, by: str) -> str | None:
    """Return in a few words why somebody may change nothing about a run ("of bo@example.org"), or None: for buttons."""
    try:
        people = read_people(run.layout.path.parent)
    except DamagedPeople:
        return "closed: the file of people and roles is damaged"
    return _why_not(people, _owner(run.spec), by)


def require_to(change: Change, root: Path, by: str) -> None:
    """Refuse what somebody may not do in a runs folder or with the data sets beside it.

    Args:
        change: what is to be done.
        root: the runs folder.
        by: who asks.

    Raises:
        NotAllowed: they may not; the text says why.
    """
    people = _trusted(root)
    role, what = people.role_of(by), _WORDS[change]
    if change in OFF_WITHOUT_LOGIN and by.endswith(NOT_VERIFIED):
        raise NotAllowed(
            f"{what} is off: other machines reach this server, and there is no login. Do it on the machine itself "
            "with the command petridish."
        )
    if role == "viewer":
        raise NotAllowed(f"{what} is off: {_viewer(by)}")
    if change in FOR_ADMINS and role != "admin":
        raise NotAllowed(f"{what} is off: only an administrator may. You are {by}.")


def why_not_to(change: Change, root: Path, by: str) -> str | None:
    """Return why somebody may not do something, as `require_to` would say it, or None: for buttons."""
    try:
        require_to(change, root, by)
    except NotAllowed as error:
        return str(error)
    return None


def require_to_import(root: Path, owners: Iterable[str | None], by: str) -> None:
    """Refuse runs of an archive that somebody else here would have to answer for.

    Names of elsewhere come in; those of people who log in here, or whom the administrator's file names, only by
    themselves or an admin.

    Args:
        root: the runs folder.
        owners: of the runs, as the archive says.
        by: who asks.

    Raises:
        NotAllowed: one of them is of somebody else here, or no run may be imported at all.
    """
    require_to("import_runs", root, by)
    people = people_of(root)
    if people.role_of(by) == "admin":
        return
    known = {name.casefold() for name in people.roles}
    for owner in owners:
        if owner and not _is_own(owner, by) and ("@" in owner or owner.casefold() in known):
            raise NotAllowed(
                f"The archive holds a run of {owner}; only they or an administrator can import it. You are {by}."
            )


def require_to_save(root: Path, kind: str, name: str, by: str) -> None:
    """Refuse to keep something under a name, or to remove it, where somebody else keeps something there.

    Args:
        root: the runs folder.
        kind: one of `core.runs.saved.KINDS`.
        name: under which it is kept.
        by: who asks.

    Raises:
        NotAllowed: it is somebody else's, or they may only look on.
        InvalidParameter: nothing can be kept under this name.
    """
    require_to("save", root, by)
    if people_of(root).role_of(by) == "admin":
        return
    kept = saved.cleaned_name(kind, name)
    for one in saved.saved(root, kind):
        if one.name == kept and not _is_own(one.by, by):
            raise NotAllowed(f"{kept!r} was saved by {one.by}. Choose another name.")


def is_shown(run: Run, by: str) -> bool:
    """Return whether somebody sees a run at all; a run of nobody known is hidden where those of others are."""
    people = people_of(run.layout.path.parent)
    return (
        people.others_runs == "view"
        or people.role_of(by) == "admin"
        or _is_own(_owner(run.spec), by)
    )


def _trusted(root: Path) -> People:
    try:
        return read_people(root)
    except DamagedPeople as error:
        raise NotAllowed(str(error)) from None


def _why_not(people: People, owner: str | None, by: str) -> str | None:
    match people.role_of(by):
        case "admin":
            return None
        case "viewer":
            return "closed until you write your name in the sidebar" if by == NOBODY else "closed to viewers"  # fmt: skip
        case _:
            if _is_own(owner, by):
                return None
            return f"of {owner}" if owner else "of nobody known"


def _viewer(by: str) -> str:
    if by == NOBODY:
        return "write your name in the sidebar first, so that it is known whose runs they are."
    return f"{by} may only look on. An administrator can change that."


def _owner(spec: dict[str, Any]) -> str | None:
    owner = spec.get("owner")
    return owner if isinstance(owner, str) else None


def _is_own(owner: str | None, by: str) -> bool:
    return owner is not None and owner.casefold() == by.casefold()
