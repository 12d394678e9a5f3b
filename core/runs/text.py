"""Text that users write: names and notes, made safe to show. Who asks for it, and how long it may be, is elsewhere."""

MOST_CHARACTERS = 200

_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_text(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return a name or note without control and direction characters, at most `most` characters long."""
    kept = "".join(one for one in text if one.isprintable() and one not in _DIRECTIONS)
    return kept.strip()[:most]
