"""The program of `ChildProcess`: it answers the calls on standard input until that is closed.

It runs as a script and imports nothing of seqforge, so that it is ready early. The arguments are the name of the
module, that of the function, and the path of the module's file, "" if it is unknown.
"""

import importlib.util
import os
import pickle
import signal
import sys
from types import ModuleType
from typing import Any


def serve(module: str, function: str, path: str) -> None:
    """Answer the calls of a function."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles an interrupt
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not write into the answers
    error, called = "", None
    try:
        called = getattr(_module(module, path), function)
    except Exception as failure:
        error = _text(failure)
    while True:
        try:
            arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        answer: tuple[str, Any] = error, None
        if called is not None:
            try:
                answer = "", called(*arguments)
            except Exception as failure:
                answer = _text(failure), None
        pickle.dump(answer, answers)
        answers.flush()


def _module(name: str, path: str) -> ModuleType:
    """Return a module from its file, without the packages that contain it; without a file, it is imported."""
    spec = importlib.util.spec_from_file_location(name, path) if path else None
    if spec is None or spec.loader is None:
        return importlib.import_module(name)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


if __name__ == "__main__":
    serve(*sys.argv[1:])
