"""Facts on standard output: one JSON document, or text for people. Nothing here knows what the facts mean."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

LONGEST_LIST = 12
"""Values of a list that text shows; JSON has all."""

LONGEST_LINE = 90
"""Characters of settings that text shows on one line; more of them get a line each."""

MOMENTS = ("created", "started", "ended", "time")
"""Facts that are seconds since 1970; people read them as local time, JSON keeps them."""


def print_facts(as_json: bool, facts: Any, columns: tuple[str, ...] | None = None) -> None:
    """Print facts as one JSON document, or as text: a table of rows, names and values, or lines.

    Args:
        as_json: print JSON.
        facts: a dict, a list of dicts, or a list of lines.
        columns: those of a table of dicts, in order; all of the first row by default.
    """
    if as_json:
        import orjson

        click.echo(orjson.dumps(facts).decode())
    elif isinstance(facts, dict):
        _print_named(facts)
    elif facts and isinstance(facts[0], dict):
        _print_table(facts, columns or tuple(facts[0]))
    else:
        for line in facts:
            click.echo(_text(line))


@contextmanager
def progress_shown() -> Iterator[Callable[[float, str], None]]:
    """Give a function that shows a share in [0, 1] and what is being done, on stderr: a line each, or one at a screen."""
    is_screen = sys.stderr.isatty()
    shown = ""

    def progress(share: float, what: str) -> None:
        nonlocal shown
        text = f"{share:4.0%} {_text(what)}"
        if is_screen:
            click.echo(f"\r\x1b[K{text}", err=True, nl=False)
        elif what != shown:
            click.echo(text, err=True)
        shown = what

    try:
        yield progress
    finally:
        if is_screen and shown:
            click.echo(err=True)


def _print_named(facts: dict[str, Any], indent: str = "") -> None:
    """Print a line for each fact; what is too long for a line stands below its name."""
    width = max((len(key) for key in facts), default=0)
    for key, value in facts.items():
        below = f"{indent}  "
        if isinstance(value, list) and value and isinstance(value[0], dict):
            click.echo(f"{indent}{key}:")
            columns = dict.fromkeys(name for row in value for name in row)
            _print_table(value, tuple(columns), below)
        elif isinstance(value, list) and any(str(one).endswith(".") for one in value):
            # Sentences, not names: a line each.
            click.echo(f"{indent}{key}:")
            for one in value:
                click.echo(f"{below}{_text(one)}")
        elif isinstance(value, dict) and len(_text(value)) > LONGEST_LINE:
            click.echo(f"{indent}{key}:")
            _print_named(value, below)
        else:
            click.echo(f"{indent}{key:{width}}  {_text(value, key)}")


def _print_table(rows: list[dict[str, Any]], columns: tuple[str, ...], indent: str = "") -> None:
    columns = tuple(name for name in columns if any(name in row for row in rows))
    lines = [columns, *(tuple(_text(row.get(name), name) for name in columns) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        click.echo((indent + "  ".join(cells)).rstrip())


def _text(value: Any, name: str = "") -> str:
    match value:
        case None:
            return "-"
        case float() if name in MOMENTS and 0 <= value < 1e11:
            return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(value))
        case float():
            return f"{value:.4g}"
        case list() if any(isinstance(one, dict) for one in value):
            return f"{len(value)} entries"
        case list() | dict() if not value:
            return "-"
        case list():
            shown = ", ".join(_text(one) for one in value[:LONGEST_LIST])
            return shown if len(value) <= LONGEST_LIST else f"{shown}, ... ({len(value)} in all)"
        case dict():
            return ", ".join(f"{key}={_text(one, key)}" for key, one in value.items())
        case _:
            # What a file says may hold control characters, which a terminal would obey.
            return "".join(one if one.isprintable() else " " for one in str(value))
