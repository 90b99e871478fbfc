"""Whose fault an unexpected error is: the last method of an installed plugin that it went through."""

import traceback
from pathlib import Path

from seqforge import registry

__all__ = ["blame"]


def blame(error: BaseException) -> str | None:
    """Return a sentence that names plugin, distribution, method and line of an error; None where no plugin is in it.

    An error that was raised from another is followed to where it began.
    """
    owners = {entry.target.partition(":")[0].partition(".")[0]: entry for entry in registry.installed()}
    while error.__cause__ is not None:
        error = error.__cause__
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        entry = owners.get(str(frame.f_globals.get("__name__", "")).partition(".")[0])
        if entry is not None:
            told = f"{type(error).__name__}: {error}".rstrip(": ")
            place = f"{Path(frame.f_code.co_filename).name}:{line}"
            return (
                f"the plugin {entry.name!r} ({entry.distribution}): {frame.f_code.co_qualname} raises {told} ({place});"
                f" `seqforge plugins check {entry.name}` says which rule of the contract that breaks"
            )
    return None
