"""The command `petridish`: the same verbs as the pages, through the same functions.

Exit status: 0 done; 2 wrong usage or bad input, said in one line on stderr; 1 the work itself failed. One module per
group of verbs. Each command imports what it needs inside, so that `--help` answers at once. What there is to say of a
run or a variant is in `core.facts`; this package only lays it out.
"""

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from core.cli import (
    benching,
    catalogue,
    comparing,
    evaluating,
    predicting,
    reporting,
    runs,
    serving,
    training,
)
from core.exceptions import CoreError, InvalidInput


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="petridish")
def cli() -> None:
    """Grow small image classifiers side by side, and look at them closely."""


for command in (
    training.demo,
    serving.dashboard,
    catalogue.datasets,
    catalogue.variants,
    training.train,
    runs.runs,
    evaluating.evaluate,
    comparing.compare,
    reporting.report,
    predicting.predict,
    serving.serve,
    benching.bench,
):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and turn errors into one line and an exit status.

    Args:
        arguments: those of this process by default.
    """
    try:
        cli.main(arguments, prog_name="petridish", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        # A group without a verb: its list of verbs is the answer.
        click.echo(error.format_message(), err=True)
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except InvalidInput as error:
        _fail(str(error), 2)
    except CoreError as error:
        _fail(str(error), 1)


def _fail(message: str, status: int) -> NoReturn:
    click.echo(f"petridish: {' '.join(message.split())}", err=True)
    sys.exit(status)
