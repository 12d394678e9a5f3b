"""Registry: an explicit list of names and what they stand for, with a helpful error for an unknown one."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from core.exceptions import UnknownName

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """Names of one kind, in the order in which they are shown.

    Args:
        kind: what the names stand for, as the error says it: "data set", "variant".
        entries: name -> entry.
    """

    def __init__(self, kind: str, entries: Mapping[str, T]) -> None:
        self.kind = kind
        self._entries = dict(entries)

    def __getitem__(self, name: str) -> T:
        """Return the entry.

        Raises:
            UnknownName: no entry is called that; the message suggests the nearest.
        """
        try:
            return self._entries[name]
        except KeyError:
            raise UnknownName(self.kind, name, self._entries) from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
