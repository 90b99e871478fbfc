"""Ctrl-C while the command line starts ends it with one sentence. The package imports this module before all others."""

import sys
from types import TracebackType  # only light modules: Ctrl-C during these imports shows a traceback


def hide_traceback_of_interruption(arguments: list[str]) -> bool:
    """Replace `sys.excepthook` if the program is the command line, and return whether it is.

    The exit code of the process does not change.

    Args:
        arguments: The arguments of the program: `sys.argv`.
    """
    name = arguments[0] if arguments else ""
    # While a package is imported, `python -m` has no path yet. The name may end with .exe or -script.py.
    if name != "-m" and not name.replace("\\", "/").rpartition("/")[2].startswith("seqforge"):
        return False
    original = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.stderr.write("seqforge: interrupted\n")
        else:
            original(kind, error, traceback)

    sys.excepthook = hook
    return True


hide_traceback_of_interruption(sys.argv)
