"""The command line: the only package that prints. One module per command."""

from seqforge.cli.main import main

__all__ = ["main"]
