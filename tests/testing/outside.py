"""Packages from outside, installed offline into a folder of their own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fakekit import TINY_FLAGS


@dataclass(frozen=True)
class Outside:
    """A folder in which a person works who has installed a package.

    Attributes:
        folder: where commands are run.
        site: where packages are installed.
    """

    folder: Path
    site: Path

    def install(self, package: Path) -> None:
        """Install a package with pip, as a person does but for what is there already."""
        flags = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
        self.run("-m", "pip", "install", *flags, "--target", str(self.site), str(package.absolute()))

    def seqforge(self, *words: object) -> "subprocess.CompletedProcess[str]":
        """Run a command of seqforge's."""
        return self.run("-m", "seqforge", *map(str, words))

    def train(self, plugin: str, *words: object) -> "subprocess.CompletedProcess[str]":
        """Train a tiny model."""
        return self.seqforge("train", "--plugin", plugin, "--steps", 3, "--run", "run", "--quiet", *TINY_FLAGS, *words)

    def run(self, *words: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """Run Python and see that it ends well."""
        done = subprocess.run(
            [sys.executable, *words],
            cwd=cwd or self.folder,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env={
                **os.environ,
                "PYTHONPATH": str(self.site),
                "SEQFORGE_CACHE": str(self.folder / "cache"),
                "OMP_NUM_THREADS": "1",
                "PIP_NO_INPUT": "1",
            },
        )
        assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-2000:])
        return done

    def tests(self, package: Path) -> str:
        """Run a package's own tests, and return what pytest said last."""
        said = self.run("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", cwd=package)
        return said.stdout.strip().splitlines()[-1]
