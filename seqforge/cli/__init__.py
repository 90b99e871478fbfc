"""The command line: the only room that prints. One file for each group of commands."""

from seqforge.cli.main import main

__all__ = ["main"]
