"""The build hook: it compiles the inner loops of inference, if there is a C compiler.

Without a compiler the wheel is a pure Python wheel, and seqforge uses numpy instead. `python hatch_build.py` compiles
the library in place.
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import zlib
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # compiling in place needs no hatchling
    BuildHookInterface = object  # type: ignore[assignment, misc]

FOLDER = Path("seqforge/inference")
SOURCES = ("kernels.c", "kernels.inc.h", "kernels_amx.inc.h", "draw.inc.h")
SUFFIXES = {"Darwin": ".dylib", "Windows": ".dll"}
FLAGS = ("-O3", "-std=c11", "-shared", "-fPIC", "-ffp-contract=fast", "-fvisibility=hidden")


class KernelBuildHook(BuildHookInterface):  # type: ignore[misc]
    """Adds the compiled library to the wheel, which is then a wheel for this platform and any Python."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the library before the files of the wheel are collected."""
        if self.target_name != "wheel":
            return
        library = compile_kernels(Path(self.root) / FOLDER)
        if library is None:
            self.app.display_warning("There is no C compiler, so that seqforge will generate with numpy, more slowly.")
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
        build_data["artifacts"].append(str(FOLDER / library.name))


def compile_kernels(folder: Path) -> Path | None:
    """Return the library that was compiled from the sources in a folder; None without a compiler that can do it."""
    library = folder / f"_kernels{SUFFIXES.get(platform.system(), '.so')}"
    checksum = 0
    for name in SOURCES:
        checksum = zlib.crc32((folder / name).read_bytes(), checksum)
    for compiler in _compilers():
        temporary = library.with_name(f"{library.name}.{os.getpid()}")
        command = [*compiler, *FLAGS, f"-DSOURCES={checksum}u", "-o", str(temporary), str(folder / SOURCES[0])]
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
    result = compile_kernels(Path(__file__).parent / FOLDER)
    sys.exit("no C compiler could compile the kernels" if result is None else None)
