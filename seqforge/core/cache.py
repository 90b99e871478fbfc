"""The cache folder of seqforge: prepared corpora and measurements, which are made again if they are deleted."""

import os
import sys
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """Return the cache folder: $SEQFORGE_CACHE, else the folder `seqforge` in the cache folder of the system.

    Example:
        cache_folder()  # /home/ann/.cache/seqforge

    Source: XDG Base Directory Specification, version 0.8, "Environment variables" (XDG_CACHE_HOME).
    """
    override = os.environ.get("SEQFORGE_CACHE")
    if override:
        return Path(override)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "seqforge"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "seqforge"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seqforge"
