"""Runs of mypy that share a cache, so that numpy and torch are analysed once per run of the tests."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def run_mypy(cache: Path, *arguments: object, cwd: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `mypy --strict` in a folder; processes that share a cache run one after the other.

    Args:
        cache: The folder of the cache.
        *arguments: The files and further flags.
        cwd: The working folder.
        **environment: Variables that are added to the environment.
    """
    flags = ["--strict", "--follow-imports=silent", "--no-error-summary", "--cache-dir", str(cache)]
    command = [sys.executable, "-m", "mypy", *flags, *map(str, arguments)]
    with _locked(cache):
        return subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, **environment}
        )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; Windows has no `flock`, and there the folder belongs to one process."""
    folder.mkdir(exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
