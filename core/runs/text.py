"""Text that users write: names and notes, made safe to show and to put into a table. How long it may be is elsewhere."""

MOST_CHARACTERS = 200

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_text(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return a name or note without control and direction characters, at most `most` characters long."""
    kept = "".join(one for one in text if one.isprintable() and one not in _DIRECTIONS)
    return kept.strip()[:most].rstrip()


def formula_safe(text: str) -> str:
    """Return a text for a cell of a CSV: one that a spreadsheet would take for a formula gets a "'" in front."""
    return f"'{text}" if text.startswith(_FORMULA) else text
