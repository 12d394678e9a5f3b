"""`python -m core` is the command `petridish`."""

from core.cli import main

main()
