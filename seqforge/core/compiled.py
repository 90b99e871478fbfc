"""Compiled libraries, which are used only if they were built from the sources beside them."""

import ctypes
import logging
import zlib
from collections.abc import Sequence
from pathlib import Path

__all__ = ["SUFFIXES", "load_library"]

SUFFIXES = (".so", ".dylib", ".dll")


def load_library(folder: Path, stem: str, sources: Sequence[str]) -> ctypes.CDLL | None:
    """Return a compiled library; None if it has not been built, was built from other sources, or cannot be loaded.

    The build hook writes the checksum of the sources into the library, which returns it as `library_sources()`.

    >>> load_library(Path(), "_missing", ()) is None
    True

    Args:
        folder: The folder of the library and of its sources.
        stem: The name of the library without its suffix.
        sources: The names of the sources, in the order in which the build hook reads them.
    """
    checksum = 0
    for name in sources:
        checksum = zlib.crc32((folder / name).read_bytes(), checksum)
    for suffix in SUFFIXES:
        path = folder / (stem + suffix)
        if not path.is_file():
            continue
        try:
            library = ctypes.CDLL(str(path))
            library.library_sources.restype = ctypes.c_uint32
            built_from = library.library_sources()
        except (OSError, AttributeError):  # it was built for another system, or by another version
            continue
        if built_from == checksum:
            return library
        logging.getLogger("seqforge").warning(
            "%s was built from other sources and is not used; install seqforge again", path
        )
    return None
