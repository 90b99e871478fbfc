"""Building of a package as `python -m build` does: a source archive, and a wheel from that archive."""

import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import build.env
from build import BuildBackendException, BuildException, ProjectBuilder

from seqforge.errors import SeqforgeError, UsageError

__all__ = ["BuiltPackage", "build_package"]


@dataclass(frozen=True)
class BuiltPackage:
    """The files that are uploaded.

    Attributes:
        archive: The source archive, .tar.gz.
        wheel: The wheel.
    """

    archive: Path
    wheel: Path


@contextmanager
def build_package(folder: Path) -> Iterator[BuiltPackage]:
    """Build a package in a temporary folder, which is removed at the end of the `with` block.

    The wheel is built from the source archive, so a file that the archive lacks is missing from the wheel, too. The
    build uses the installed build backend; if it is not installed, an isolated environment is created, for which pip
    downloads the backend.

    Example:
        with build_package(Path("seqforge-chess")) as built:
            shutil.copy(built.wheel, "dist")

    Args:
        folder: The folder that contains pyproject.toml.

    Raises:
        UsageError: If there is no pyproject.toml.
        SeqforgeError: If the build fails; the message ends with the last line that the backend printed.
    """
    if not (folder / "pyproject.toml").is_file():
        message = f"{folder} contains no pyproject.toml; name the folder of the package"
        raise UsageError(message, field="folder", value=folder, allowed="a folder with a pyproject.toml")
    with tempfile.TemporaryDirectory(prefix="seqforge-") as name:
        output, sources = Path(name) / "dist", Path(name) / "source"
        archive = _build(folder, "sdist", output)
        with tarfile.open(archive) as file:
            file.extractall(sources, filter="data")
        (source,) = sources.iterdir()
        yield BuiltPackage(archive, _build(source, "wheel", output))


def _build(folder: Path, kind: Literal["sdist", "wheel"], output: Path) -> Path:
    """Build one file and return its path."""
    try:
        builder = ProjectBuilder(folder, runner=_run)
        if not builder.check_dependencies(kind):
            return Path(builder.build(kind, output))
        with build.env.DefaultIsolatedEnv() as environment:
            builder = ProjectBuilder.from_isolated_env(environment, folder, runner=_run)
            environment.install(builder.build_system_requires)
            environment.install(builder.get_requires_for_build(kind))
            return Path(builder.build(kind, output))
    except (BuildException, BuildBackendException, subprocess.CalledProcessError) as error:
        cause = error.exception if isinstance(error, BuildBackendException) else error
        printed = cause.output if isinstance(cause, subprocess.CalledProcessError) else str(cause)
        lines = (
            (printed.decode("utf-8", "replace") if isinstance(printed, bytes) else str(printed)).strip().splitlines()
        )
        reason = lines[-1].strip() if lines else type(cause).__name__
        raise SeqforgeError(f"{folder} does not build: {reason}; run `python -m build` there to see more") from error


def _run(cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
    """Run a command of the backend; what it prints is part of the error if it fails."""
    environment = {**os.environ, **(extra_environ or {})}
    subprocess.run(cmd, cwd=cwd, env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
