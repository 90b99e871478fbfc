"""Names of files that are read from other files: records, manifests and corpora contain names, never paths."""

import os
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

__all__ = ["check_name"]

MAX_BYTES = 255
"""The longest name that file systems allow."""


def check_name(name: Any) -> str:
    """Return the name of a file if it may be joined to a folder; it then stays inside that folder on every system.

    >>> check_name("0001.abc")
    '0001.abc'

    Args:
        name: The value that another file contains as a name.

    Raises:
        ValueError: If it is not a string, or contains a separator, a drive, `..` or a NUL character.
    """
    if not isinstance(name, str):
        raise ValueError(f"{str(name)[:40]!r} is not the name of a file")
    portable = PurePosixPath(name).name == name == PureWindowsPath(name).name
    try:
        length = len(os.fsencode(name))
    except ValueError:
        length = MAX_BYTES + 1
    if not portable or name in ("", ".", "..") or "\0" in name or length > MAX_BYTES:
        raise ValueError(f"{name[:80]!r} is not the name of a file; a name has no folder in front of it")
    return name
