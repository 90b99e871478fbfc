"""Third-party packages, installed offline into their own folder."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fakekit import TINY_FLAGS


@dataclass(frozen=True)
class Outside:
    """A working folder of a user who has installed third-party packages.

    Attributes:
        folder: The working folder of the commands.
        site: The folder into which packages are installed.
    """

    folder: Path
    site: Path

    def install(self, package: Path) -> None:
        """Install a package with pip, without its dependencies and without network access."""
        flags = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
        self.run("-m", "pip", "install", *flags, "--target", str(self.site), str(package.absolute()))

    def seqforge(self, *arguments: object) -> "subprocess.CompletedProcess[str]":
        """Run a seqforge command."""
        return self.run("-m", "seqforge", *map(str, arguments))

    def train(self, plugin: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
        """Train a tiny model."""
        return self.seqforge(
            "train", "--plugin", plugin, "--steps", 3, "--run", "run", "--quiet", *TINY_FLAGS, *arguments
        )

    def run(self, *arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """Run Python with these arguments; a failure fails the test."""
        process = subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd or self.folder,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(self.site), os.environ.get("PYTHONPATH", "")]),
                "SEQFORGE_CACHE": str(self.folder / "cache"),
                "OMP_NUM_THREADS": "1",
                "PIP_NO_INPUT": "1",
            },
        )
        assert process.returncode == 0, (arguments, process.stdout[-2000:], process.stderr[-2000:])
        return process

    def tests(self, package: Path) -> str:
        """Run the tests of a package, and return the last line that pytest prints."""
        process = self.run("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", cwd=package)
        return process.stdout.strip().splitlines()[-1]
