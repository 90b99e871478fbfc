"""seqforge generate --replay: files again from their provenance."""

from typing import Any

from seqforge.cli.collection import resume_collection
from seqforge.cli.console import message
from seqforge.errors import listing


def run_replay(values: dict[str, Any]) -> None:
    """Replay the file or folder of --replay, and say which files have the same bytes again.

    Args:
        values: The values of the flags of `generate`.
    """
    from seqforge.api.output import parse_formats
    from seqforge.api.replay import replay

    resume_collection()
    path = values["replay"]
    formats = parse_formats(values["format"])
    flags = {"replace": values["replace"], "overwrite": values["overwrite"]}
    result = replay(path, values["output"], formats=formats, **flags)
    if values["quiet"]:
        return
    if result.is_edited:
        message(f"note: {path} itself was changed after it was generated")
    files = f"{len(result.names)} files" if len(result.names) > 1 else result.names[0]
    although = f", although {listing(result.changes, most=6)}" if result.changes else ""
    message(f"the same bytes again: {files}{although}")
    if result.written:
        message(f"wrote {listing(map(str, result.written), most=3)}")
