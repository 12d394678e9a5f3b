"""The command `petridish`: the same verbs as the pages, through the same functions.

Exit status: 0 done; 2 wrong usage or bad input, said in one line on stderr; 1 the work itself failed; 128 and the number
of the signal that ended it. One module per group of verbs. Each command imports what it needs inside, so that `--help`
answers at once. What there is to say of a run or a variant is in `core.facts`; this package only lays it out.
"""

import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
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
        with _tidy_ends():
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


@contextmanager
def _tidy_ends() -> Iterator[None]:
    """Let signals end the command as Ctrl-C does, so that what it began to write is cleared away.

    The runner has handlers of its own for as long as it works; a process that is started gets the usual ones.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP.
            # What is ignored stays so: nohup.
            if number is not None and signal.getsignal(number) == signal.SIG_DFL:
                before[number] = signal.signal(number, _leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    # A second one must not end the clearing away.
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


def _fail(message: str, status: int) -> NoReturn:
    click.echo(f"petridish: {' '.join(message.split())}", err=True)
    sys.exit(status)
