"""People: who asks, what they may be here (viewer, student or admin), and how much they may use.

Who asks is a name, so that it can stand in a run, an event and a queue entry: an e-mail address where people log in,
the user of the operating system at the machine itself, a typed name marked "(not verified)" where anybody can reach the
server. Nobody's role but the weakest follows from a marked name, whatever the file says.

The administrator's file is `.people.json` in the runs folder, or what `PETRIDISH_PEOPLE` names; nothing of ours ever
changes it. Keys: roles (name -> role), default (role of everybody else), limits (`Limits`; null for none), others_runs
("view" or "hidden"). Without it whoever sits at the machine is admin. What a role may do is `permissions`, what a limit
means `quotas`.
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import orjson
from pydantic import Field

from core.exceptions import CoreError, DamagedRun
from core.runs import files
from core.runs.layout import RunsLayout
from core.runs.text import clean_text
from core.settings import Settings

Role = Literal["viewer", "student", "admin"]

Access = Literal["machine", "login", "open"]
"""How this process learns who asks: from the machine's own user, from a login, or from what anybody types."""

VARIABLE = "PETRIDISH_PEOPLE"
ACCESS_VARIABLE = "PETRIDISH_ACCESS"

NOT_VERIFIED = " (not verified)"
LONGEST_TYPED_NAME = 60
NOBODY = f"nobody{NOT_VERIFIED}"
"""Who has not even typed a name."""


class Limits(Settings):
    """What one person may use; None: without a limit. They hold for nobody who is admin."""

    running: int | None = Field(1, ge=1, le=10_000, description="Runs that train at once.")
    queued: int | None = Field(5, ge=1, le=100_000, description="Runs that wait beside them.")
    disk_gb: float | None = Field(2, gt=0, description="Space that all runs take, in GB.")
    minutes: float | None = Field(60, gt=0, description="Time that a run may train, in minutes.")
    epochs: int | None = Field(200, ge=1, description="Epochs of a run.")
    upload_mb: int | None = Field(256, ge=1, description="Size of an upload, in MB.")


NO_LIMITS = Limits(
    running=None, queued=None, disk_gb=None, minutes=None, epochs=None, upload_mb=None
)


class People(Settings):
    """What the administrator's file says."""

    roles: dict[str, Role] = Field({}, description="Name or e-mail address -> role.")
    default: Role = Field("student", description="The role of everybody else.")
    limits: Limits | None = Field(Limits(), description="What a student may use.")
    others_runs: Literal["view", "hidden"] = Field(
        "view", description="Whether a student sees the runs of others."
    )

    def role_of(self, name: str) -> Role:
        """Return somebody's role; letter case does not count."""
        if name == NOBODY:
            return "viewer"
        if name.endswith(NOT_VERIFIED):
            return "viewer" if self.default == "viewer" else "student"
        by_folded = {one.casefold(): role for one, role in self.roles.items()}
        return by_folded.get(name.casefold(), self.default)

    def limits_of(self, name: str) -> Limits:
        """Return what somebody may use."""
        return NO_LIMITS if self.limits is None or self.role_of(name) == "admin" else self.limits


AT_THE_MACHINE = People(default="admin", limits=None)
"""Without a file: whoever sits at the machine may do everything."""
LOGGED_IN = People()
"""Without a file where people log in."""
ANYBODY = People(default="student", limits=None)
"""Without a file where anybody can reach the server: names are only typed."""
CLOSED = People(default="viewer", others_runs="hidden")
"""While the file cannot be trusted."""


@dataclass(frozen=True)
class Person:
    """Who looks at a page.

    Attributes:
        name: as runs and events record it.
        role: what it allows.
        is_verified: whether the name is more than typed.
    """

    name: str
    role: Role
    is_verified: bool


class DamagedPeople(CoreError):
    """The administrator's file cannot be trusted, so nobody may change anything until it can."""


def person_named(root: Path, name: str) -> Person:
    """Return who somebody of this name is in a runs folder.

    Args:
        root: the runs folder.
        name: an e-mail address, a user of the operating system, or what `typed_name` returned.
    """
    return Person(name, people_of(root).role_of(name), not name.endswith(NOT_VERIFIED))


def typed_name(text: str | None) -> str:
    """Return the name of somebody who only says it, marked as that; `NOBODY` where nothing is said."""
    shown = clean_text((text or "").replace(NOT_VERIFIED.strip(), ""), LONGEST_TYPED_NAME)
    return f"{shown}{NOT_VERIFIED}" if shown else NOBODY


def access() -> Access:
    """Return how this process learns who asks: as the dashboard declared, else from the machine's own user."""
    declared = os.environ.get(ACCESS_VARIABLE)
    return declared if declared in ("login", "open") else "machine"


def declare_access(how: Access) -> None:
    """Say how this process, and those that it starts, learn who asks."""
    os.environ[ACCESS_VARIABLE] = how


def people_of(root: Path) -> People:
    """Return who is who in a runs folder; while the file is damaged nobody is more than a viewer."""
    try:
        return read_people(root)
    except DamagedPeople:
        return CLOSED


def read_people(root: Path) -> People:
    """Return what the administrator's file says, or what holds without one.

    Raises:
        DamagedPeople: there is one, and it cannot be trusted.
    """
    named = os.environ.get(VARIABLE)
    path = Path(named) if named else RunsLayout(root).people
    try:
        status = path.stat()
    except FileNotFoundError:
        if named:
            raise DamagedPeople(_closed("it is missing")) from None
        without = {"machine": AT_THE_MACHINE, "login": LOGGED_IN, "open": ANYBODY}
        return without[access()]
    except OSError as error:
        raise DamagedPeople(_closed(f"it cannot be read: {error.strerror}")) from None
    found = _read(path, (status.st_mtime_ns, status.st_size, status.st_ino))
    if isinstance(found, str):
        raise DamagedPeople(_closed(found))
    return found


@lru_cache(maxsize=16)
def _read(path: Path, _stamp: tuple[int, int, int]) -> People | str:
    """Return what a file says, or what is wrong with it."""
    try:
        people = People.checked(files.read_json(path))
    except (CoreError, DamagedRun) as error:
        return str(error).rstrip(".")
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    marked = [name for name in people.roles if name.endswith(NOT_VERIFIED)]
    return f"{marked[0]!r} is a name that anybody can type" if marked else people


def _closed(why: str) -> str:
    return f"The file of people and roles is damaged, so nothing can be changed here: {why}. The administrator must mend it."  # fmt: skip


def make_people_file(root: Path, admin: str) -> Path | None:
    """Make the file where there is none, with one admin, so that command line and runner know the limits too.

    Args:
        root: the runs folder, which is made.
        admin: who administers it: the user of the operating system.

    Returns:
        Its path, or None where there was one.
    """
    path = RunsLayout(root).people
    if os.environ.get(VARIABLE) or path.exists():
        return None
    files.make_folder(root)
    text = orjson.dumps(
        People(roles={admin: "admin"}).model_dump(mode="json"), option=orjson.OPT_INDENT_2
    )
    files.write_bytes(path, text + b"\n")
    return path
