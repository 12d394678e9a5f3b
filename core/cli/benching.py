"""The verb that runs what is claimed about speed: `petridish bench`."""

import ast
import subprocess
import sys
from pathlib import Path

import click

from core.cli.options import with_json
from core.cli.printing import print_facts


@click.command()
@click.argument("names", metavar="[NAME ...]", nargs=-1)
@with_json
def bench(names: tuple[str, ...], as_json: bool) -> None:
    """Run benchmarks of the source checkout one after another; without a name, list them.

    Some take minutes; keep the machine quiet meanwhile.
    """
    from core.exceptions import InvalidInput, UnknownName

    folder = Path(__file__).resolve().parents[2] / "benchmarks"
    scripts = _scripts(folder)
    if not scripts:
        raise InvalidInput(
            "Benchmarks come with the source checkout, not with the installed package. Run the command from there."
        )
    for name in names:
        if name not in scripts:
            raise UnknownName("benchmark", name, scripts)
    if not names:
        print_facts(as_json, [{"name": name, "measures": what} for name, what in scripts.items()])
        return
    ended = []
    for name in names:
        click.echo(f"== {name}", err=True)
        sys.stdout.flush()
        # What they print goes to stderr where one JSON document is wanted.
        done = subprocess.run(
            [sys.executable, str(folder / f"{name}.py")],
            cwd=folder.parent,
            stdout=sys.stderr if as_json else None,
        )
        ended.append({"name": name, "exit": done.returncode})
    if as_json:
        print_facts(True, ended)
    if any(one["exit"] for one in ended):
        sys.exit(1)


def _scripts(folder: Path) -> dict[str, str]:
    """Return the scripts whose first words say how to run them, by name, with what they measure."""
    found = {}
    for path in sorted(folder.glob("*.py")):
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        if f"python benchmarks/{path.name}" in doc:
            found[path.stem] = doc.partition("\n")[0].partition(": `")[0].rstrip(".:")
    return found
