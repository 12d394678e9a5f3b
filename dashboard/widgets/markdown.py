"""Text that users or files wrote, made safe for Streamlit's Markdown; numbers as the screen shows them.

Apart because almost every widget needs both. Texts of figures are `core.charts.style`'s business.
"""

import math
import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&^])")


def escaped(text: object) -> str:
    """Return a text that Markdown shows literally: no link, no formatting, no directive."""
    return _SPECIAL.sub(r"\\\1", str(text)).replace("\n", " ")


def duration(seconds: float | None) -> str:
    """Return a duration as "3 min 20 s"; nothing for None."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def with_interval(share: float, low: float, high: float) -> str:
    """Return a share in [0, 1] with its interval, as "87.2 % [86.6, 87.8]"."""
    if math.isnan(share):
        return "undefined"
    return f"{100 * share:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
