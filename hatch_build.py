"""The build hook: it compiles the inner loops of inference and training, if there is a C compiler.

Without a compiler the wheel is a pure Python wheel, and seqforge uses numpy and torch instead. `python hatch_build.py`
compiles the libraries in place.
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # compiling in place needs no hatchling
    BuildHookInterface = object  # type: ignore[assignment, misc]

LIBRARIES = {
    "seqforge/inference/_kernels": ("kernels.c", "kernels.inc.h", "kernels_amx.inc.h", "draw.inc.h"),
    "seqforge/network/_lstm": ("lstm_amx.c", "amx.inc.h", "matrix_gradient_amx.inc.h"),
}
"""The path of each library without its suffix, and its sources; the first one includes the others."""
SUFFIXES = {"Darwin": ".dylib", "Windows": ".dll"}
FLAGS = ("-O3", "-std=c11", "-shared", "-fPIC", "-ffp-contract=fast", "-fvisibility=hidden")
LINKED = () if platform.system() == "Windows" else ("-lm",)
"""The mathematics library, which is a part of the C runtime on Windows."""


class KernelBuildHook(BuildHookInterface):  # type: ignore[misc]
    """Adds the compiled library to the wheel, which is then a wheel for this platform and any Python."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the libraries before the files of the wheel are collected."""
        if self.target_name != "wheel":
            return
        results = [compile_library(Path(self.root) / path, sources) for path, sources in LIBRARIES.items()]
        libraries = [library for library in results if library is not None]
        if len(libraries) < len(results):
            self.app.display_warning("No C compiler could compile all kernels; numpy and torch are used, more slowly.")
        if not libraries:
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
        build_data["artifacts"] += [str(library.relative_to(self.root)) for library in libraries]


def compile_library(path: Path, sources: Sequence[str]) -> Path | None:
    """Return the library that was compiled from sources; None without a compiler that can do it.

    Args:
        path: The path of the library without its suffix.
        sources: The names of its sources in the same folder, the first one of which includes the others.
    """
    library = path.with_name(path.name + SUFFIXES.get(platform.system(), ".so"))
    checksum = 0
    for name in sources:
        checksum = zlib.crc32((path.parent / name).read_bytes(), checksum)
    for compiler in _compilers():
        temporary = library.with_name(f"{library.name}.{os.getpid()}")
        files = ["-o", str(temporary), str(path.parent / sources[0])]
        command = [*compiler, *FLAGS, f"-DSOURCES={checksum}u", *files, *LINKED]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            temporary.unlink(missing_ok=True)
            continue
        temporary.replace(library)
        return library
    return None


def _compilers() -> list[list[str]]:
    """Return the commands of the C compilers to try: that of the environment, that of Python, the usual names."""
    names = [os.environ.get("CC"), sysconfig.get_config_var("CC"), "cc", "gcc", "clang"]
    commands = [shlex.split(name) for name in names if name]
    return [command for command in commands if shutil.which(command[0])]


if __name__ == "__main__":
    results = [compile_library(Path(__file__).parent / path, sources) for path, sources in LIBRARIES.items()]
    sys.exit("no C compiler could compile the libraries" if None in results else None)
